"""Single rows predicted through HTTP: `cutline run` beside FastAPI with uvicorn
and, where it is installed, MLServer.

    python benches/serve_rows.py [--connections N ...] [--rounds N] [--seconds N] [--no-build] [--batches]

All serve one scikit-learn model, a scaler and a logistic regression of 20
features, in the Open Inference Protocol's form; each request holds one row and
asks for its probabilities. cutline is the released binary with the model as
`cutline import-model` reads it, and with its prediction log on; the others keep
no log. uvicorn has one process, and once more two; MLServer its own defaults
(one process for the model beside one for HTTP). All are up throughout; wrk asks
one after the other in each round, from one thread. Counted are the answers, the
median and 99th percentile of their times, and the CPU time of the server's
processes. In the end what cutline wrote to its log is counted too.

With --batches it is cutline beside itself: the same model trained by cutline, so
that rows become a table before it, with requests predicted together and alone.

Needs Debian's wrk, and scikit-learn 1.5, FastAPI and uvicorn[standard] in the
Python that runs this; mlserver-sklearn is optional.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "proxy"))
import bench

SERVING = pathlib.Path(__file__).resolve().parent / "serving"
N_FEATURES = 20
FUNCTIONS = """\
[serve]
listen = "127.0.0.1:{port}"

[function.rows]
stage   = "inference"
trigger = {{ http = true }}

[function.rows.input]
model = {{ model = "rows@champion" }}
"""
TRAINED = """\
[serve]
listen = "127.0.0.1:{port}"

[function.ingestion]
trigger = {{ queue = "raw-arrived" }}
input   = {{ blob = "{{name}}.csv" }}
output  = {{ artifact = "raw", queue = "raw-ready" }}

[function.training]
trigger = {{ queue = "raw-ready" }}
input   = {{ artifact = "raw" }}
output  = {{ artifact = "model", queue = "model-trained" }}
label   = "target"
model   = {{ kind = "logistic-regression" }}

[[function.training.step]]
kind    = "scale"
columns = {columns}

[function.deployment]
trigger = {{ queue = "model-trained" }}
input   = {{ model = {{ artifact = "model" }} }}
output  = {{ alias = "rows@champion" }}

[function.rows]
stage          = "inference"
trigger        = {{ http = true }}
input          = {{ model = {{ model = "rows@champion" }} }}
max_batch_size = {together}
"""
SETTINGS = {
    "name": "rows",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": "model.joblib", "version": "v1"},
}
# A thousand different rows in turn; how long answers took, and how many were
# not 200, is printed in microseconds.
SCRIPT = """
local requests, n = {}, 0
init = function()
  math.randomseed(7)
  for i = 1, 1000 do
    local row = {}
    for column = 1, %d do row[column] = string.format("%%.6f", math.random() * 6 - 3) end
    local body = '{"inputs": [{"name": "x", "shape": [1, %d], "datatype": "FP64", "data": [' ..
      table.concat(row, ", ") .. ']}], "outputs": [{"name": "predict_proba"}]}'
    requests[i] = wrk.format("POST", "/v2/models/rows/infer", {["content-type"] = "application/json"}, body)
  end
end
request = function() n = n %% 1000 + 1; return requests[n] end
done = function(summary, latency)
  print(string.format("answers %%d failed %%d us %%d p50 %%d p99 %%d", summary.requests,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.write +
    summary.errors.timeout, summary.duration, latency:percentile(50), latency:percentile(99)))
end
""" % (N_FEATURES, N_FEATURES)


def model(path):
    """Fits the model and keeps it; one row and its probabilities."""
    import joblib
    import numpy
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = numpy.random.default_rng(7)
    rows = random.normal(3, 2, size=(10_000, N_FEATURES))
    target = (rows @ random.normal(size=N_FEATURES) + random.logistic(size=len(rows)) > 0).astype(int)
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, target)
    joblib.dump(fitted, path)
    names = ",".join([*columns(), "target"])
    table = numpy.column_stack([rows, target])
    numpy.savetxt(path.with_name("rows.csv"), table, "%.17g", ",", header=names, comments="")
    return rows[0].tolist(), fitted.predict_proba(rows[:1])[0].tolist()


def columns():
    return [f"x{column}" for column in range(N_FEATURES)]


def started(stack, command, port, **options):
    """A server that ends with the script, and all that it started with it."""
    process = stack.start(command, port, **options)
    stack.callback(lambda: [os.kill(pid, signal.SIGKILL) for pid in family(process.pid)])
    return port, process


def cutline(stack, saved):
    folder = stack.folder / "cutline"
    folder.mkdir()
    port = bench.port()
    config = folder / "functions.toml"
    config.write_text(FUNCTIONS.format(port=port))
    program = bench.BINARIES / "cutline"
    importing = [program, "import-model", "--config", config, "rows", saved, "--python", sys.executable]
    subprocess.run([str(word) for word in importing], check=True)
    return started(stack, [program, "run", "--config", config, "--log", "error"], port)


def trained(stack, saved, together):
    """cutline with a model that it trains first."""
    folder = stack.folder / f"together-{together}"
    (folder / "incoming").mkdir(parents=True)
    shutil.copy(saved.with_name("rows.csv"), folder / "incoming")
    port = bench.port()
    config = folder / "functions.toml"
    config.write_text(TRAINED.format(port=port, columns=json.dumps(columns()), together=together))
    program = str(bench.BINARIES / "cutline")
    send = [program, "queue", "--config", str(config), "send", "raw-arrived", "name=rows"]
    subprocess.run(send, check=True, stdout=subprocess.DEVNULL)
    return started(stack, [program, "run", "--config", config, "--log", "error"], port)


def fastapi(stack, saved, workers):
    port = bench.port()
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", SERVING, "--port", port]
    command += ["--workers", workers, "--no-access-log", "--log-level", "error"]
    return started(stack, command, port, env=dict(os.environ, MODEL=str(saved), **ONE_THREAD))


def mlserver(stack, saved):
    port, folder = bench.port(), saved.parent
    (folder / "model-settings.json").write_text(json.dumps(SETTINGS))
    ports = {"http_port": port, "grpc_port": bench.port(), "metrics_port": bench.port()}
    (folder / "settings.json").write_text(json.dumps(dict(ports, debug=False)))
    program = pathlib.Path(sys.executable).parent / "mlserver"
    log = (stack.folder / "mlserver.log").open("w")
    options = dict(env=dict(os.environ, **ONE_THREAD), stdout=log, stderr=log)
    return started(stack, [program, "start", folder], port, **options)


# One row has nothing for a second thread of BLAS.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def agrees(name, port, row, expected, within=1e-12):
    """Waits until it serves, and ends where it says anything else."""
    tensor = {"name": "x", "shape": [1, N_FEATURES], "datatype": "FP64", "data": row}
    body = json.dumps({"inputs": [tensor], "outputs": [{"name": "predict_proba"}]}).encode()
    url = f"http://127.0.0.1:{port}/v2/models/rows/infer"

    def said():
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["outputs"][0]["data"]
        except OSError:
            return None

    found = bench.until(said, f"{name} answers", seconds=120)
    if any(abs(own - other) > within for own, other in zip(found, expected)):
        sys.exit(f"{name} says {found}, not {expected}")


def load(port, script, connections, seconds):
    """Answers per second, and their median and 99th percentile in milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "30", "-s", script]
    command.append(f"http://127.0.0.1:{port}")
    said = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    found = re.search(r"answers (\d+) failed (\d+) us (\d+) p50 (\d+) p99 (\d+)", said)
    answers, failed, took, p50, p99 = map(int, found.groups())
    if failed or not answers:
        sys.exit(f"not all was answered:\n{said}")
    return answers, answers / took * 1e6, p50 / 1e3, p99 / 1e3


def family(pid):
    """The process and all below it."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def measure(running, script, connections, args):
    """Of each server and round: rate, p50, p99, CPU milliseconds per request."""
    figures = {name: [] for name in running}
    for _ in range(args.rounds):
        for name, (port, process) in running.items():
            cpu = lambda: sum(bench.cpu(pid) for pid in family(process.pid))
            before = cpu()
            answers, *rest = load(port, script, connections, args.seconds)
            figures[name].append((*rest, (cpu() - before) / answers * 1e3))
    return figures


def show(connections, args, figures):
    print(f"\n{connections} connections, median of {args.rounds} rounds of {args.seconds} s")
    rows = [["", "rows/s", "p50, ms", "p99, ms", "CPU ms per row", "cutline's rate is × this", "its CPU is 1/× this"]]
    for name, rounds in figures.items():
        rate, p50, p99, cpu = (statistics.median(column) for column in zip(*rounds))
        # Of each round by itself, so that what slows a whole round is in both.
        pairs = list(zip(figures["cutline"], rounds))
        faster = statistics.median(own[0] / other[0] for own, other in pairs)
        cheaper = statistics.median(other[3] / own[3] for own, other in pairs)
        rows.append([name, f"{rate:,.0f}", f"{p50:.3f}", f"{p99:.3f}", f"{cpu:.4f}", f"{faster:.1f}", f"{cheaper:.1f}"])
    print(bench.table(rows), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--connections", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--no-build", action="store_true")
    parser.add_argument("--batches", action="store_true")
    args = parser.parse_args()
    bench.need("wrk")
    if not args.no_build:
        build = ["cargo", "build", "--release", "-p", "cutline", "--no-default-features", "--features", "runtime"]
        subprocess.run(build, cwd=bench.ROOT, check=True)
    with bench.Stack() as stack:
        saved = stack.folder / "model" / "model.joblib"
        saved.parent.mkdir()
        row, expected = model(saved)
        script = stack.file("rows.lua", SCRIPT)
        if args.batches:
            running = {"cutline": trained(stack, saved, 64), "each request alone": trained(stack, saved, 1)}
            for name, (port, _) in running.items():
                # scikit-learn's solver stops short of the optimum.
                agrees(name, port, row, expected, within=5e-3)
                load(port, script, 1, 1)
            for connections in args.connections:
                show(connections, args, measure(running, script, connections, args))
            return
        running = {"cutline": cutline(stack, saved)}
        for workers in (1, 2):
            running[f"FastAPI, uvicorn × {workers}"] = fastapi(stack, saved, workers)
        if importlib.util.find_spec("mlserver_sklearn"):
            running["MLServer"] = mlserver(stack, saved)
        for name, (port, _) in running.items():
            agrees(name, port, row, expected)
            load(port, script, 1, 1)
        for connections in args.connections:
            show(connections, args, measure(running, script, connections, args))
        logged = (stack.folder / "cutline").rglob("log/rows/*.ndjson")
        print(f"\nrows in cutline's prediction log: {sum(len(blob.read_bytes().splitlines()) for blob in logged):,}")


main()
