//! A few lines of Python, and what they touch. A line `# --- name` begins
//! another file; the first is `app.py`.

mod rust;

use std::fmt::Write;

use super::ResourceKind;
use crate::catalog::Catalog;
use crate::graph::data::Via;
use crate::line::{Analysis, Options};
use crate::source::{ConfigFile, ConfigFormat, Language, SourceFile, SourceTree};

pub(super) fn examined(source: &str) -> Analysis {
    examined_with(source, Vec::new())
}

fn examined_with(source: &str, configs: Vec<ConfigFile>) -> Analysis {
    let mut files: Vec<(String, String)> = vec![("app.py".into(), String::new())];
    for line in source.lines() {
        match line.strip_prefix("# --- ") {
            Some(name) => files.push((name.into(), String::new())),
            None => {
                let text = &mut files.last_mut().expect("there is a first file").1;
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    let tree = SourceTree {
        name: "case".into(),
        files: files
            .into_iter()
            .map(|(path, text)| SourceFile {
                path: path.into(),
                language: Language::Python,
                text,
                cells: Vec::new(),
            })
            .collect(),
        configs,
        ..SourceTree::default()
    };
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    crate::examine(&tree, &options)
}

fn name(analysis: &Analysis, func: crate::graph::FuncId) -> String {
    let function = analysis.program.function(func);
    let facts = analysis.modules.facts(function.file);
    facts.scope(function.scope).qualname.to_string()
}

/// Resources with who does what to them.
fn touched(source: &str) -> String {
    resources_of(&examined(source))
}

fn resources_of(analysis: &Analysis) -> String {
    let mut out = String::new();
    for resource in &analysis.effects.resources {
        let mut accesses: Vec<String> = resource
            .accesses
            .iter()
            .flat_map(|access| {
                let places = access.places().into_iter();
                places.map(move |(func, ..)| (access.access, func))
            })
            .map(|(access, func)| format!("{access:?} {}", name(analysis, func)).to_lowercase())
            .collect();
        accesses.sort();
        accesses.dedup();
        let kind = format!("{:?}", resource.kind).to_lowercase();
        let _ = writeln!(out, "{kind} {}: {}", resource.identity, accesses.join(", "));
    }
    out
}

/// Flows through what is not handed over in a call.
fn carried(source: &str) -> String {
    let analysis = examined(source);
    let mut lines: Vec<String> = analysis
        .data_flow
        .flows
        .iter()
        .filter(|flow| !matches!(flow.via, Via::Argument | Via::Return))
        .map(|flow| {
            let (from, to) = (name(&analysis, flow.from), name(&analysis, flow.to));
            format!("{from} -> {to} by {} {}", flow.via.name(), flow.name)
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

/// Flows by argument.
fn given(source: &str) -> String {
    let analysis = examined(source);
    let flows = analysis.data_flow.flows.iter();
    let mut lines: Vec<String> = flows
        .filter(|flow| flow.via == Via::Argument)
        .map(|flow| {
            let (from, to) = (name(&analysis, flow.from), name(&analysis, flow.to));
            format!("{from} -> {to} by {}", flow.name)
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}

#[test]
fn every_field_of_a_settings_class_is_a_variable() {
    insta::assert_snapshot!(touched("
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix='SHOP_')
    data_dir: str = 'data'
    rounds: int = 3
    password: SecretStr = SecretStr('x')
    region: str = Field('eu', validation_alias='AWS_REGION')

def load():
    settings = Settings()
    return open(settings.data_dir + '/raw.csv').read()
"), @r"
    file {SHOP_DATA_DIR}/raw.csv: read load
    environment AWS_REGION: read load
    environment SHOP_DATA_DIR: read load
    environment SHOP_ROUNDS: read load
    secret SHOP_PASSWORD: read load
    ");
}

#[test]
fn the_first_pydantic_has_its_prefix_in_config() {
    insta::assert_snapshot!(touched("
from pydantic import BaseSettings, BaseModel

class Store(BaseModel):
    url: str
    pool: int = 5

class Settings(BaseSettings):
    store: Store = Store(url='x')
    debug: bool = False

    class Config:
        env_prefix = 'app_'
        env_nested_delimiter = '__'

settings = Settings()
"), @r"
    environment APP_DEBUG: read <module>
    environment APP_STORE__POOL: read <module>
    environment APP_STORE__URL: read <module>
    ");
}

#[test]
fn a_prefix_that_nobody_knows_names_no_variable() {
    let variables = |config: &str| {
        let lines = touched(&format!(
            "
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

class Settings(BaseSettings):
    {config}
    rounds: int = 3
    region: str = Field('eu', validation_alias='AWS_REGION')

settings = Settings()
"
        ));
        let names = lines
            .lines()
            .filter_map(|line| line.strip_prefix("environment "));
        let names: Vec<&str> = names.filter_map(|line| line.split(':').next()).collect();
        names.join(" ")
    };
    let known = "AWS_REGION B_ROUNDS";
    let unknown = "AWS_REGION";
    for (config, expected) in [
        ("model_config = {'env_prefix': 'B_'}", known),
        (
            "model_config = {'env_prefix': 'A_', 'env_prefix': 'B_'}",
            known,
        ),
        ("model_config = {**other, 'env_prefix': 'B_'}", known),
        (
            "model_config = SettingsConfigDict(**other, env_prefix='B_')",
            known,
        ),
        ("model_config = {'env_prefix': 'A_', **other}", unknown),
        ("model_config = {'env_prefix': 'A_', name: 'B_'}", unknown),
        ("model_config = SettingsConfigDict(**other)", unknown),
        (
            "model_config = SettingsConfigDict(env_prefix=PREFIX)",
            unknown,
        ),
        ("model_config = OTHER", unknown),
        (
            "model_config = {'env_prefix': 'A_'}\n    model_config.update(other)",
            unknown,
        ),
        (
            "model_config = {'env_prefix': 'A_'}\n    model_config |= other",
            unknown,
        ),
        ("model_config = {}", "AWS_REGION ROUNDS"),
    ] {
        assert_eq!(variables(config), expected, "{config}");
    }
}

#[test]
fn rows_of_a_declarative_class_are_its_table() {
    insta::assert_snapshot!(touched("
from sqlalchemy import select, delete
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

class Base(DeclarativeBase):
    pass

class PredictionLog(Base):
    __tablename__ = 'prediction_logs'
    id: Mapped[int] = mapped_column(primary_key=True)
    score: Mapped[float]

def record(session, score):
    log = PredictionLog(score=score)
    session.add(log)
    session.commit()

def record_many(session, scores):
    rows = [PredictionLog(score=score) for score in scores]
    session.add_all(rows)

def recent(session: Session):
    return session.query(PredictionLog).filter(PredictionLog.score > 0).all()

def newest(session):
    return session.execute(select(PredictionLog.score).limit(1)).scalar()

def forget(session):
    session.query(PredictionLog).filter_by(score=0).delete()

def clear(session):
    session.execute(delete(PredictionLog))

def one(session, key):
    return session.get(PredictionLog, key)
"), @"table prediction_logs: append record, append record_many, delete clear, delete forget, read newest, read one, read recent");
}

#[test]
fn flask_sqlalchemy_names_the_table_itself() {
    insta::assert_snapshot!(touched("
from flask_sqlalchemy import SQLAlchemy

db = SQLAlchemy()

class TrainingRun(db.Model):
    id = db.Column(db.Integer, primary_key=True)

def start():
    db.session.add(TrainingRun())

def runs():
    return TrainingRun.query.order_by(TrainingRun.id).all()
"), @"table training_run: append start, read runs");
}

#[test]
fn django_names_the_table_after_the_application() {
    insta::assert_snapshot!(touched("
# --- shop/__init__.py
# --- shop/models.py
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=10)

class Score(models.Model):
    value = models.FloatField()
    class Meta:
        db_table = 'scores'

# --- shop/views.py
from .models import Customer, Score

def show(request):
    return Customer.objects.filter(name='x').order_by('name').first()

def store(request):
    Score.objects.create(value=1.0)

def rename(request):
    Customer.objects.filter(name='x').update(name='y')

def change(request):
    row = Score(value=2.0)
    row.save()
"), @r"
    table scores: append store, write change
    table shop_customer: read show, write rename
    ");
}

#[test]
fn peewee_and_sqlmodel_and_core_tables() {
    insta::assert_snapshot!(touched("
import peewee
from sqlalchemy import MetaData, Table, insert, select
from sqlmodel import SQLModel, Session, select as choose

class Run(peewee.Model):
    name = peewee.CharField()

class Hero(SQLModel, table=True):
    name: str

events = Table('events', MetaData())

def begin():
    Run.create(name='a')

def listed():
    return list(Run.select().where(Run.name == 'a'))

def heroes(session: Session):
    return session.exec(choose(Hero)).all()

def write(connection):
    connection.execute(insert(events).values(a=1))

def read(connection):
    return connection.execute(events.select()).fetchall()
"), @r"
    table events: append write, read read
    table hero: read heroes
    table run: append begin, read listed
    ");
}

#[test]
fn a_set_of_rows_is_no_session() {
    insta::assert_snapshot!(touched("
class Row:
    __tablename__ = 'rows'

def unique(rows):
    seen = set()
    seen.add(Row())
    return seen
"), @"");
}

#[test]
fn a_queue_in_the_process_is_a_queue() {
    insta::assert_snapshot!(carried("
import queue
import asyncio

JOBS = queue.Queue()

def ask(reason):
    JOBS.put({'reason': reason})

def work():
    return JOBS.get()['reason']

class Batcher:
    def __init__(self):
        self.waiting = asyncio.Queue()

    async def submit(self, row):
        await self.waiting.put(row)

    async def drain(self):
        return await self.waiting.get()
"), @r"
    Batcher.__init__ -> Batcher.drain by attribute waiting
    Batcher.__init__ -> Batcher.submit by attribute waiting
    Batcher.submit -> Batcher.drain by queue app.py:Batcher.waiting
    ask -> work by queue app.py:JOBS
    ");
}

#[test]
fn a_task_takes_its_work_from_a_queue() {
    insta::assert_snapshot!(carried("
from celery import Celery, shared_task

celery = Celery('jobs', broker='redis://x')

@celery.task
def train(day):
    return day

@shared_task(queue='scoring')
def score(rows):
    return rows

def request(day, rows):
    train.delay(day)
    score.apply_async(args=[rows])
"), @r"
    request -> score by queue scoring
    request -> train by queue train
    ");
}

#[test]
fn topics_come_in_lists_and_through_constants() {
    insta::assert_snapshot!(carried("
from kafka import KafkaConsumer, KafkaProducer

TOPIC = 'events'
producer = KafkaProducer()

def publish(event):
    producer.send(TOPIC, event)

def consume():
    consumer = KafkaConsumer()
    consumer.subscribe(['events'])
    return [message for message in consumer]
"), @"publish -> consume by queue events");
}

#[test]
fn a_mapping_handed_from_step_to_step_carries_its_items() {
    insta::assert_snapshot!(carried("
def load(context):
    context['frame'] = [1, 2]

def fit(context):
    context['model'] = sum(context['frame'])

def check(context):
    return context.get('model')

def run():
    context = {}
    for step in (load, fit, check):
        step(context)
"), @r"
    fit -> check by item model
    load -> fit by item frame
    ");
}

#[test]
fn a_fields_own_mapping_carries_its_items() {
    insta::assert_snapshot!(carried("
from dataclasses import dataclass, field

@dataclass
class Context:
    name: str
    items: dict = field(default_factory=dict)

def load(context: Context):
    context.items['frame'] = [1, 2]

def fit(context: Context):
    return sum(context.items['frame'])

def run():
    context = Context('a')
    load(context)
    fit(context)
"), @"load -> fit by item frame");
}

#[test]
fn an_applications_state_carries_what_is_put_into_it() {
    insta::assert_snapshot!(carried("
from contextlib import asynccontextmanager
from fastapi import FastAPI, Request
import joblib

@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.model = joblib.load('model.joblib')
    yield

app = FastAPI(lifespan=lifespan)

@app.post('/predict')
def predict(request: Request):
    return request.app.state.model
"), @"lifespan -> predict by attribute model");
}

#[test]
fn flasks_config_and_g_carry_what_is_put_into_them() {
    insta::assert_snapshot!(carried("
from flask import Flask, current_app, g

def create_app():
    app = Flask(__name__)
    app.config['MODEL'] = open('m').read()
    return app

def before():
    g.user = open('u').read()

def view():
    return current_app.config['MODEL'], g.user
"), @r"
    before -> view by attribute user
    create_app -> view by attribute MODEL
    ");
}

#[test]
fn a_helper_that_serves_several_acts_for_them() {
    insta::assert_snapshot!(touched("
import json

def write(path, value):
    with open(path, 'w') as out:
        json.dump(value, out)

def fit():
    write('model.json', 1)

def check():
    write('score.json', 2)

def save(path, value):
    with open(path, 'w') as out:
        out.write(value)

def only():
    save('only.txt', 'x')
"), @r"
    file only.txt: write save
    file score.json: write check
    model model.json: write fit
    ");
}

#[test]
fn what_goes_with_a_background_task_flows_to_it() {
    insta::assert_snapshot!(given("
from threading import Thread
from fastapi import BackgroundTasks

def train(run, rows):
    return rows

def start(tasks: BackgroundTasks, run):
    tasks.add_task(train, run, rows=run)

def spawn(run):
    Thread(target=train, args=(run,)).start()
"), @r"
    spawn -> train by run
    start -> train by rows
    start -> train by run
    ");
}

#[test]
fn what_a_dependency_gives_is_an_argument() {
    insta::assert_snapshot!(given("
from typing import Annotated
from fastapi import Depends, FastAPI

app = FastAPI()

def get_model():
    return open('m').read()

ModelDep = Annotated[str, Depends(get_model)]

@app.get('/a')
def predict(model: ModelDep):
    return model
"), @"get_model -> predict by model");
}

#[test]
fn the_environment_is_read_through_other_libraries_too() {
    insta::assert_snapshot!(touched("
import environ
from decouple import config
from environs import Env

env = Env()
other = environ.Env()

def load():
    return config('A'), env.str('B'), env('C'), other('D'), other.bool('E', default=False)
"), @r"
    environment A: read load
    environment B: read load
    environment C: read load
    environment D: read load
    environment E: read load
    ");
}

#[test]
fn a_secret_kind_is_not_an_environment_variable() {
    let analysis = examined(
        "
from pydantic import SecretStr
from pydantic_settings import BaseSettings

class Settings(BaseSettings):
    token: SecretStr

settings = Settings()
",
    );
    let kinds: Vec<ResourceKind> = analysis.effects.resources.iter().map(|r| r.kind).collect();
    assert_eq!(kinds, [ResourceKind::Secret]);
}

#[test]
fn kedros_catalog_says_which_file_a_data_set_is() {
    let text = "model_input:\n  type: pandas.ParquetDataset\n  filepath: data/03/input.parquet\n";
    let analysis = examined_with(
        "
from kedro.pipeline import Pipeline, node

def clean(raw):
    return raw

def split(frame, parameters):
    return frame, frame

def fit(train):
    return train

def create_pipeline():
    return Pipeline([
        node(clean, inputs='raw', outputs='model_input'),
        node(func=split, inputs=['model_input', 'params:split'], outputs=['train', 'test']),
        node(fit, 'train', 'model'),
    ])
",
        vec![ConfigFile {
            path: "conf/base/catalog.yml".into(),
            format: ConfigFormat::Yaml,
            text: text.into(),
        }],
    );
    insta::assert_snapshot!(resources_of(&analysis), @"file data/03/input.parquet: read split, write clean");
    let handed: Vec<String> = analysis
        .data_flow
        .flows
        .iter()
        .map(|flow| {
            let (from, to) = (name(&analysis, flow.from), name(&analysis, flow.to));
            format!("{from} -> {to} by {} {}", flow.via.name(), flow.name)
        })
        .collect();
    insta::assert_snapshot!(handed.join("\n"), @r"
    clean -> split by file data/03/input.parquet
    split -> fit by argument train
    ");
}

#[test]
fn a_key_asked_for_is_one_key() {
    insta::assert_snapshot!(carried("
STATE = {}

def note(report):
    STATE['report'] = open('a').read()

def stamp():
    STATE['at'] = open('b').read()

def show():
    if 'report' not in STATE:
        return None
    return STATE['report']
"), @"note -> show by item report");
}

#[test]
fn a_version_written_is_the_version_read() {
    insta::assert_snapshot!(carried("
import joblib

class Registry:
    def __init__(self, root):
        self.root = root

    def register(self, model, known):
        version = f'v{len(known) + 1}'
        joblib.dump(model, self.root + '/' + version + '/model.joblib')

    def load(self, version):
        return joblib.load(self.root + '/' + version + '/model.joblib')

registry = Registry('models')
"), @r"
    Registry.__init__ -> Registry.load by attribute root
    Registry.__init__ -> Registry.register by attribute root
    Registry.register -> Registry.load by file models/{version}/model.joblib
    ");
}

#[test]
fn a_folder_that_is_only_made_is_nothing_yet() {
    insta::assert_snapshot!(touched("
import os
from pathlib import Path

def prepare(home):
    os.makedirs('out', exist_ok=True)
    os.mkdir('tmp')
    Path('work').mkdir(parents=True)
    open('out/a.txt', 'w').write('x')
"), @"file out/a.txt: write prepare");
}
