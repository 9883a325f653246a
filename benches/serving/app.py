"""A scikit-learn model behind FastAPI, in the form of the Open Inference
Protocol, as short as one writes it: what `benches/serve_rows.py` measures
`cutline run` beside. It keeps no log of predictions."""

import os

import joblib
import numpy
from fastapi import FastAPI
from pydantic import BaseModel

MODEL = joblib.load(os.environ["MODEL"])
app = FastAPI()


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Request(BaseModel):
    inputs: list[Tensor]


@app.post("/v2/models/rows/infer")
async def infer(request: Request):
    (tensor,) = request.inputs
    rows = numpy.array(tensor.data).reshape(tensor.shape)
    probabilities = MODEL.predict_proba(rows)
    output = {"name": "predict_proba", "shape": probabilities.shape, "datatype": "FP64", "data": probabilities.ravel().tolist()}
    return {"model_name": "rows", "model_version": "v1", "outputs": [output]}
