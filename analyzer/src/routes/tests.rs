//! Cases are a few files and the routes that come out, and the fixtures.

mod services;

use std::collections::BTreeSet;
use std::path::Path;

use smol_str::SmolStr;

use super::{ALL, Route, RouteKind, reach, routes};
use crate::catalog::Catalog;
use crate::graph::{FuncId, Program};
use crate::line::{Analysis, Options};
use crate::modules::ModuleSet;
use crate::source::{Language, SourceFile, SourceOptions, SourceTree};

fn tree(files: &[(&str, &str)]) -> SourceTree {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).into(),
        language: match path.ends_with(".rs") {
            true => Language::Rust,
            false => Language::Python,
        },
        text: (*text).to_owned(),
        cells: Vec::new(),
    };
    let mut files: Vec<SourceFile> = files.iter().map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    SourceTree {
        name: "project".into(),
        files,
        ..SourceTree::default()
    }
}

fn examined(tree: &SourceTree) -> (Analysis, Vec<Route>) {
    let catalog = Catalog::built_in();
    let options = Options {
        catalog: catalog.clone(),
        pins: Vec::new(),
    };
    let analysis = crate::line::examine(tree, &options);
    let found = routes(
        &analysis.modules,
        &analysis.program,
        &catalog,
        &analysis.call_graph,
    );
    (analysis, found)
}

fn function(modules: &ModuleSet, program: &Program, func: FuncId) -> String {
    let function = program.function(func);
    let facts = modules.facts(function.file);
    format!("{}:{}", facts.path, facts.scope(function.scope).qualname)
}

/// Checks the lines `kind method path -> handler` of the files' routes.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    let (analysis, found) = examined(&tree(files));
    let line = |route: &Route| {
        let kind = match route.kind {
            RouteKind::Http => route.method.to_string(),
            kind => format!("{kind:?}").to_lowercase(),
        };
        let handler = function(&analysis.modules, &analysis.program, route.handler);
        format!("{kind} {} -> {handler}", route.path)
    };
    let found: Vec<String> = found.iter().map(line).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    let expected: Vec<&str> = expected
        .into_iter()
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_file_of_the_room_is_in_all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/routes");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .expect("the room is there")
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .filter(|name| !matches!(name.as_str(), "mod" | "requests" | "survey" | "tests"))
        .collect();
    files.sort();
    let all: Vec<&str> = ALL.iter().map(|framework| framework.name()).collect();
    assert_eq!(files, all);
}

#[track_caller]
fn check_fixture(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(name);
    let tree = SourceTree::read(&root, &SourceOptions::default()).expect("the fixture is there");
    let (analysis, found) = examined(&tree);
    let found: BTreeSet<(SmolStr, SmolStr, String)> = found
        .iter()
        .filter(|route| route.kind == RouteKind::Http)
        .map(|route| {
            let handler = function(&analysis.modules, &analysis.program, route.handler);
            (route.path.clone(), route.method.clone(), handler)
        })
        .collect();
    let truth = std::fs::read_to_string(root.join("truth.toml")).expect("the fixture has a truth");
    let truth: toml::Table = truth.parse().expect("the truth is TOML");
    let text = |route: &toml::Value, key: &str| {
        let value = route.get(key).and_then(toml::Value::as_str);
        value.expect("a route has it").to_owned()
    };
    let expected: BTreeSet<(SmolStr, SmolStr, String)> = truth["route"]
        .as_array()
        .expect("routes are a list")
        .iter()
        .map(|route| {
            let (path, method) = (text(route, "path"), text(route, "method"));
            (path.into(), method.into(), text(route, "handler"))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_flask_fixture_has_its_routes() {
    check_fixture("churn_flask");
}

#[test]
fn the_fastapi_fixture_has_its_routes() {
    check_fixture("tumor_fastapi");
}

#[test]
fn the_axum_fixture_has_its_routes() {
    check_fixture("iris_axum");
}

#[test]
fn flask_blueprints_nest_and_registration_replaces_the_prefix() {
    check(
        &[
            (
                "app.py",
                "from flask import Flask\nfrom views import inner as other, outer\n\ndef create_app():\n    app = Flask(__name__)\n    outer.register_blueprint(other, url_prefix='/in')\n    app.register_blueprint(outer)\n    return app\n",
            ),
            (
                "views.py",
                "from flask import Blueprint\nROOT = '/out'\nWRITES = ['POST', 'PUT']\nouter = Blueprint('outer', __name__, url_prefix=ROOT)\ninner = Blueprint('inner', __name__, url_prefix='/dropped')\n\n@outer.route('/')\ndef home(): ...\n\n@inner.route('/<int:key>', methods=WRITES)\ndef write(key): ...\n",
            ),
        ],
        "GET /out/ -> views.py:home
         POST /out/in/{key} -> views.py:write
         PUT /out/in/{key} -> views.py:write",
    );
}

#[test]
fn flask_rules_in_a_loop_keep_their_views_apart() {
    check(
        &[(
            "app.py",
            "from flask import Flask\nfrom flask.views import MethodView\napp = Flask(__name__)\ndef a(): ...\ndef b(): ...\nfor rule, view in [('/a', a), ('/b', b)]:\n    app.add_url_rule(rule, view_func=view)\nclass Item(MethodView):\n    def get(self): ...\n    def delete(self): ...\napp.add_url_rule('/items/<key>', view_func=Item.as_view('item'))\n",
        )],
        "GET /a -> app.py:a
         GET /b -> app.py:b
         DELETE /items/{key} -> app.py:Item.delete
         GET /items/{key} -> app.py:Item.get",
    );
}

#[test]
fn a_mapping_that_is_spread_is_no_value_of_another() {
    check(
        &[(
            "app.py",
            "from flask import Flask\napp = Flask(__name__)\ndef a(): ...\ndef b(): ...\n\
             VIEWS = {'x': a, **b}\nfor view in VIEWS.values():\n    app.add_url_rule('/', view_func=view)\n",
        )],
        "GET / -> app.py:a",
    );
}

#[test]
fn what_holds_itself_many_times_is_read_once() {
    let many = |item: &str| vec![item; 200].join(", ");
    let urls = format!(
        "from django.urls import path\ndef home(): ...\nV = [path('x', home), {}]\nurlpatterns = V\n",
        many("*V")
    );
    check(&[("urls.py", &urls)], "ANY /x -> urls.py:home");
    for given in [
        "app.add_url_rule('/', view_func=V)",
        "app.route('/', methods=V)(a)",
    ] {
        let text = format!(
            "from flask import Flask\napp = Flask(__name__)\ndef a(): ...\nV = wrap({})\n{given}\n",
            many("V")
        );
        let (_, found) = examined(&tree(&[("app.py", &text)]));
        assert!(found.len() <= 1, "{given}");
    }
    // Routers that include each other, and no application that includes one.
    let routers = 0..14;
    let mut text = "from fastapi import APIRouter\n".to_owned();
    text.extend(routers.clone().map(|n| format!("r{n} = APIRouter()\n")));
    text.extend(routers.clone().flat_map(|n| {
        let include = move |m| format!("r{n}.include_router(r{m}, prefix='/{n}-{m}')\n");
        (0..14).map(include)
    }));
    text.push_str("@r0.get('/x')\ndef x(): ...\n");
    check(&[("app.py", &text)], "");
    let again = "if a { return router(); }\n".repeat(200);
    let text = format!(
        "use axum::{{Router, routing::get}};\nasync fn x() {{}}\n\
         fn router() -> Router {{\n{again}Router::new()\n}}\n\
         fn main() {{ let app = router().route(\"/x\", get(x)); }}\n"
    );
    let (_, found) = examined(&tree(&[("src/main.rs", &text)]));
    assert!(found.iter().any(|route| route.path == "/x"));
}

#[test]
fn fastapi_routers_add_up_their_prefixes() {
    check(
        &[(
            "app.py",
            "from fastapi import APIRouter, FastAPI\nclass Versioned(APIRouter):\n    pass\napp = FastAPI()\nv1 = Versioned(prefix='/v1')\nitems = APIRouter(prefix='/items')\n@items.get('/{key:path}')\ndef read(key): ...\n@v1.websocket('/feed')\nasync def feed(socket): ...\nv1.include_router(items, prefix='/all')\napp.include_router(v1)\n",
        )],
        "GET /v1/all/items/{key} -> app.py:read
         websocket /v1/feed -> app.py:feed",
    );
}

#[test]
fn fastapi_dependencies_are_reached() {
    let files = [(
        "app.py",
        "from typing import Annotated\nfrom fastapi import Depends, FastAPI\napp = FastAPI()\ndef connect(): ...\ndef session(c=Depends(connect)): ...\nSession = Annotated[object, Depends(session)]\n@app.get('/x')\ndef x(s: Session): ...\n",
    )];
    let (analysis, found) = examined(&tree(&files));
    let reached = reach(
        &analysis.modules,
        &analysis.program,
        &Catalog::built_in(),
        &analysis.call_graph,
        &found,
    );
    let names = reached[0].iter();
    let names: Vec<String> = names
        .map(|func| function(&analysis.modules, &analysis.program, *func))
        .collect();
    assert_eq!(names, ["app.py:connect", "app.py:session", "app.py:x"]);
}

#[test]
fn a_kedro_node_is_named_not_called() {
    for node in ["node", "Node"] {
        let text = format!(
            "from kedro.pipeline import {node}, Pipeline\n\
             def fit(rows):\n    return rows\n\
             def create_pipeline():\n    \
             return Pipeline([{node}(func=fit, inputs='rows', outputs='model', name='fit')])\n"
        );
        let (analysis, _) = examined(&tree(&[("pipeline.py", &text)]));
        assert_eq!(analysis.data_flow.flows, [], "{node}");
    }
}

#[test]
fn a_django_view_that_redirects_is_a_route() {
    check(
        &[
            (
                "urls.py",
                "from django.urls import path\nfrom views import Start\n\
                 urlpatterns = [path('start/', Start.as_view())]\n",
            ),
            (
                "views.py",
                "from django.views.generic import RedirectView\n\
                 class Start(RedirectView):\n    \
                 def get_redirect_url(self, *args, **kwargs):\n        return '/'\n",
            ),
        ],
        "GET /start/ -> views.py:Start.get_redirect_url",
    );
}

#[test]
fn django_includes_and_view_sets() {
    check(
        &[
            (
                "site/urls.py",
                "from django.urls import include, path, re_path\nfrom rest_framework.routers import DefaultRouter\nfrom shop import views\nrouter = DefaultRouter()\nrouter.register('orders', views.Orders)\nurlpatterns = [\n    path('shop/', include('shop.urls')),\n    path('api/', include(router.urls)),\n    re_path(r'^old/(?P<year>[0-9]{4})/$', views.old),\n]\n",
            ),
            ("shop/__init__.py", ""),
            (
                "shop/urls.py",
                "from django.urls import path\nfrom .views import Detail\nurlpatterns = [path('<int:pk>/', Detail.as_view())]\n",
            ),
            (
                "shop/views.py",
                "from django.views import View\nfrom django.views.decorators.http import require_POST\nfrom rest_framework.viewsets import ViewSet\nfrom rest_framework.decorators import action\nclass Detail(View):\n    def get(self, request, pk): ...\nclass Orders(ViewSet):\n    def list(self, request): ...\n    def retrieve(self, request, pk): ...\n    @action(detail=True, methods=['post'])\n    def pay(self, request, pk): ...\n@require_POST\ndef old(request, year): ...\n",
            ),
        ],
        "GET /api/orders/ -> shop/views.py:Orders.list
         GET /api/orders/{pk}/ -> shop/views.py:Orders.retrieve
         POST /api/orders/{pk}/pay/ -> shop/views.py:Orders.pay
         POST /old/{year}/ -> shop/views.py:old
         GET /shop/{pk}/ -> shop/views.py:Detail.get",
    );
}

#[test]
fn axum_nests_and_merges() {
    check(
        &[(
            "src/lib.rs",
            "use axum::{Router, routing::{get, post}};\nfn api() -> Router { Router::new().route(\"/x/:id\", get(read).post(write)) }\npub fn app() -> Router { Router::new().nest(\"/api\", api()) }\nasync fn read() {}\nasync fn write() {}\n",
        )],
        "GET /api/x/{id} -> src/lib.rs:read
         POST /api/x/{id} -> src/lib.rs:write",
    );
}

#[test]
fn commands_jobs_steps_and_scripts() {
    check(
        &[(
            "run.py",
            "import click, threading\nfrom celery import Celery\nfrom prefect import flow\ncelery = Celery('x')\n@celery.task(name='nightly')\ndef nightly(): ...\n@flow\ndef pipeline(): ...\n@click.group()\ndef cli(): ...\n@cli.command()\ndef fit_model(): ...\ndef watch(): ...\nif __name__ == '__main__':\n    threading.Thread(target=watch).start()\n    cli()\n",
        )],
        "command cli -> run.py:cli
         command cli fit-model -> run.py:fit_model
         job nightly -> run.py:nightly
         job watch -> run.py:watch
         step pipeline -> run.py:pipeline
         script run.py -> run.py:<module>",
    );
}

#[test]
fn a_handler_is_the_function_itself_whatever_wraps_it() {
    check(
        &[(
            "app.py",
            "import functools\nfrom flask import Flask\nfrom flask_restful import Api, Resource\nclass Service(Flask):\n    pass\napp = Service(__name__)\napi = Api(app, prefix='/api')\ndef guard(view):\n    @functools.wraps(view)\n    def wrapper(*args):\n        return view(*args)\n    return wrapper\n@app.route('/a')\n@guard\ndef a(): ...\n@guard\ndef b(): ...\ndef c(): ...\napp.add_url_rule('/b', 'b', b)\napp.add_url_rule('/c', view_func=guard(c))\napp.post('/d')(c)\nclass Item(Resource):\n    def put(self): ...\napi.add_resource(Item, '/items')\n",
        )],
        "GET /a -> app.py:a
         PUT /api/items -> app.py:Item.put
         GET /b -> app.py:b
         GET /c -> app.py:c
         POST /d -> app.py:c",
    );
}

#[test]
fn an_application_that_nobody_passes_is_still_one() {
    check(
        &[(
            "views.py",
            "import flask\ndef init(app):\n    @app.route('/x')\n    def x(): ...\n    @app.before_request\n    def before(): ...\n",
        )],
        "GET /x -> views.py:init.<locals>.x",
    );
}

#[test]
fn pipelines_name_their_steps() {
    check(
        &[(
            "dags.py",
            "from airflow.operators.python import PythonOperator\nfrom kedro.pipeline import node\nfrom metaflow import FlowSpec, step\ndef load(): ...\ndef fit(): ...\nPythonOperator(task_id='load', python_callable=load)\nnode(func=fit, inputs='x', outputs='y', name='fit_node')\nclass Flow(FlowSpec):\n    @step\n    def start(self): ...\n",
        )],
        "step fit_node -> dags.py:fit
         step load -> dags.py:load
         step start -> dags.py:Flow.start",
    );
}

#[test]
fn subcommands_and_schedules() {
    check(
        &[(
            "app.py",
            "import argparse\nfrom celery import shared_task\nfrom apscheduler.schedulers.background import BackgroundScheduler\n@shared_task\ndef clean(): ...\nCELERY_BEAT_SCHEDULE = {'every-night': {'task': 'app.clean', 'schedule': 10}}\ndef tick(): ...\nscheduler = BackgroundScheduler()\nscheduler.add_job(tick, 'interval')\ndef train(args): ...\ndef main():\n    parser = argparse.ArgumentParser()\n    sub = parser.add_subparsers()\n    p = sub.add_parser('train')\n    p.set_defaults(func=train)\n",
        )],
        "command app -> app.py:main
         command app train -> app.py:train
         job clean -> app.py:clean
         job every-night -> app.py:clean
         job tick -> app.py:tick",
    );
}

#[test]
fn a_background_task_is_a_job_and_part_of_its_request() {
    let files = [(
        "app.py",
        "from fastapi import BackgroundTasks, FastAPI\napp = FastAPI()\ndef work(): ...\n@app.post('/x')\ndef x(tasks: BackgroundTasks):\n    tasks.add_task(work)\n",
    )];
    check(
        &files,
        "POST /x -> app.py:x
         job work -> app.py:work",
    );
    let (analysis, found) = examined(&tree(&files));
    let (modules, program) = (&analysis.modules, &analysis.program);
    let catalog = Catalog::built_in();
    let reached = reach(modules, program, &catalog, &analysis.call_graph, &found);
    let names = reached[0].iter();
    let names: Vec<String> = names
        .map(|func| function(modules, program, *func))
        .collect();
    assert_eq!(names, ["app.py:work", "app.py:x"]);
}

#[test]
fn aiohttp_routers_tables_views_and_applications_in_applications() {
    check(
        &[
            (
                "app.py",
                "from aiohttp import web\nimport api\nfrom views import Item, table\nasync def home(request): ...\nasync def connect(app): ...\ndef make():\n    app = web.Application()\n    app.router.add_get('/', home)\n    app.router.add_route('*', '/any', home)\n    app.router.add_view('/items/{id}', Item)\n    app.add_routes(table)\n    app.add_subapp('/v2/', api.make())\n    app.on_startup.append(connect)\n    return app\n",
            ),
            (
                "api.py",
                "from aiohttp import web\nclass Handler:\n    async def fit(self, request): ...\ndef make():\n    sub = web.Application()\n    handler = Handler()\n    sub.add_routes([web.post('/fit', handler.fit), web.get('/fit/{id:\\\\d+}', handler.fit)])\n    return sub\n",
            ),
            (
                "views.py",
                "from aiohttp import web\ntable = web.RouteTableDef()\nclass Item(web.View):\n    async def get(self): ...\n    async def delete(self): ...\n@table.post('/predict')\nasync def predict(request): ...\n",
            ),
        ],
        "GET / -> app.py:home
         ANY /any -> app.py:home
         DELETE /items/{id} -> views.py:Item.delete
         GET /items/{id} -> views.py:Item.get
         POST /predict -> views.py:predict
         POST /v2/fit -> api.py:Handler.fit
         GET /v2/fit/{id} -> api.py:Handler.fit
         hook on_startup -> app.py:connect",
    );
}

#[test]
fn tornado_rules_wherever_the_list_is_made() {
    check(
        &[(
            "app.py",
            "import tornado.web\nfrom tornado.web import url\nclass Predict(tornado.web.RequestHandler):\n    def post(self, key): ...\nclass Feed(tornado.websocket.WebSocketHandler):\n    def on_message(self, message): ...\nclass App(tornado.web.Application):\n    def __init__(self):\n        handlers = [(r'/predict/(?P<key>[^/]+)', Predict), url(r'/feed', Feed)]\n        super().__init__(handlers)\n",
        )],
        "POST /predict/{key} -> app.py:Predict.post
         websocket /feed -> app.py:Feed.on_message",
    );
}

#[test]
fn litestar_controllers_stand_below_their_routers() {
    check(
        &[(
            "app.py",
            "from litestar import Controller, Litestar, Router, get, post\nclass Models(Controller):\n    path = '/models'\n    @get('/{key:int}')\n    async def read(self, key: int) -> dict: ...\n    @post()\n    async def fit(self) -> None: ...\n@get(['/', '/health'])\nasync def health() -> str: ...\nv1 = Router(path='/v1', route_handlers=[Models])\napp = Litestar(route_handlers=[v1, health])\n",
        )],
        "GET / -> app.py:health
         GET /health -> app.py:health
         POST /v1/models -> app.py:Models.fit
         GET /v1/models/{key} -> app.py:Models.read",
    );
}

#[test]
fn falcon_resources_and_bottle_decorators() {
    check(
        &[
            (
                "one.py",
                "import falcon\nclass Score:\n    def on_post(self, req, resp): ...\n    def on_get_one(self, req, resp, id): ...\napp = falcon.App()\nscore = Score()\napp.add_route('/score', score)\napp.add_route('/score/{id:int}', score, suffix='one')\n",
            ),
            (
                "two.py",
                "from bottle import Bottle, route\napp = Bottle()\n@route('/a/<id:int>', method=['GET', 'POST'])\ndef a(id): ...\n@app.put('/b')\ndef b(): ...\n",
            ),
        ],
        "GET /a/{id} -> two.py:a
         POST /a/{id} -> two.py:a
         PUT /b -> two.py:b
         POST /score -> one.py:Score.on_post
         GET /score/{id} -> one.py:Score.on_get_one",
    );
}

#[test]
fn ray_serve_deployments_have_prefixes() {
    check(
        &[(
            "app.py",
            "from fastapi import FastAPI\nfrom ray import serve\napp = FastAPI()\n@serve.deployment(route_prefix='/one')\n@serve.ingress(app)\nclass One:\n    @app.post('/predict')\n    def predict(self): ...\n@serve.deployment\n@serve.ingress(app)\nclass Two:\n    @app.get('/')\n    def home(self): ...\n@serve.deployment(route_prefix='/three')\nclass Three:\n    async def __call__(self, request): ...\nserve.run(Two.options(num_replicas=2).bind(), route_prefix='/two')\n",
        )],
        "POST /one/predict -> app.py:One.predict
         ANY /three -> app.py:Three.__call__
         GET /two/ -> app.py:Two.home",
    );
}

#[test]
fn model_servers_call_by_class_decorator_and_name() {
    check(
        &[
            (
                "bento.py",
                "import bentoml\n@bentoml.service\nclass Churn:\n    @bentoml.api(route='/v1/score')\n    def score(self, rows): ...\nsvc = bentoml.Service('old', runners=[])\n@svc.api(input=1, output=2)\ndef classify(rows): ...\n",
            ),
            (
                "lam.py",
                "def lambda_handler(event, context):\n    return event\n",
            ),
            (
                "mls.py",
                "from mlserver import MLModel\nclass Iris(MLModel):\n    async def load(self): ...\n    async def predict(self, payload): ...\n",
            ),
            (
                "score.py",
                "def init():\n    global model\n    model = 1\ndef run(data):\n    return data\n",
            ),
        ],
        "POST /classify -> bento.py:classify
         POST /score -> score.py:run
         POST /v1/score -> bento.py:Churn.score
         POST /v2/models/{model}/infer -> mls.py:Iris.predict
         job lam.lambda_handler -> lam.py:lambda_handler",
    );
}

#[test]
fn pages_and_interfaces_are_ways_in() {
    check(
        &[
            (
                "demo.py",
                "import gradio as gr\ndef guess(x): ...\ndef fit(x): ...\ngr.Interface(fn=guess, inputs='text', outputs='text').launch()\nwith gr.Blocks() as demo:\n    button = gr.Button('fit')\n    button.click(fit, inputs=None)\n",
            ),
            ("page.py", "import streamlit as st\nst.title('Churn')\n"),
        ],
        "POST /fit -> demo.py:fit
         POST /predict -> demo.py:guess
         script page.py -> page.py:<module>",
    );
}

#[test]
fn actions_that_a_view_set_inherits_are_routes() {
    check(
        &[
            (
                "urls.py",
                "from django.urls import include, path\nfrom rest_framework.routers import DefaultRouter\nfrom views import Models, Requests, Users, About\nrouter = DefaultRouter()\nrouter.register('models', Models)\nrouter.register('requests', Requests, basename='r')\nurlpatterns = [path('api/', include(router.urls)), path('users/', Users.as_view()), path('about/', About.as_view())]\n",
            ),
            (
                "views.py",
                "from django.views.generic import TemplateView\nfrom rest_framework import generics, mixins, viewsets\nclass Models(viewsets.ReadOnlyModelViewSet):\n    lookup_field = 'name'\nclass Requests(mixins.CreateModelMixin, viewsets.GenericViewSet):\n    def perform_create(self, serializer): ...\nclass Users(generics.ListCreateAPIView):\n    def get_queryset(self): ...\nclass About(TemplateView):\n    template_name = 'about.html'\n",
            ),
        ],
        "GET /about/ -> views.py:<module>
         GET /api/models/ -> views.py:<module>
         GET /api/models/{name}/ -> views.py:<module>
         POST /api/requests/ -> views.py:Requests.perform_create
         GET /users/ -> views.py:Users.get_queryset
         POST /users/ -> views.py:Users.get_queryset",
    );
}

#[test]
fn starlette_mounts_nest_and_endpoints_answer_by_method() {
    check(
        &[(
            "app.py",
            "from starlette.applications import Starlette\nfrom starlette.endpoints import HTTPEndpoint\nfrom starlette.routing import Mount, Route\nasync def home(request): ...\nclass Model(HTTPEndpoint):\n    async def get(self, request): ...\n    async def post(self, request): ...\ninner = [Route('/model/{id:int}', Model)]\napp = Starlette(routes=[Route('/', home), Mount('/v1', routes=inner)])\n",
        )],
        "GET / -> app.py:home
         GET /v1/model/{id} -> app.py:Model.get
         POST /v1/model/{id} -> app.py:Model.post",
    );
}

#[test]
fn flask_smorest_views_and_nested_prefixes() {
    check(
        &[(
            "app.py",
            "from flask import Flask\nfrom flask.views import MethodView\nfrom flask_smorest import Api, Blueprint\napp = Flask(__name__)\napi = Api(app)\nblp = Blueprint('pets', __name__, url_prefix='/pets')\nBASE = '/v1'\n@blp.route(f'{BASE}/<int:key>')\nclass Pet(MethodView):\n    @blp.response(200)\n    def get(self, key): ...\napi.register_blueprint(blp)\n",
        )],
        "GET /pets/v1/{key} -> app.py:Pet.get",
    );
}

#[test]
fn commands_in_the_manners_of_their_libraries() {
    check(
        &[
            (
                "args.py",
                "import argparse\ndef build():\n    parser = argparse.ArgumentParser()\n    return parser\ndef parse():\n    return build().parse_args()\ndef main():\n    args = parse()\nif __name__ == '__main__':\n    main()\n",
            ),
            (
                "conf.py",
                "import hydra\n@hydra.main(config_path='.', config_name='x')\ndef train(cfg): ...\n",
            ),
            (
                "firing.py",
                "import fire\ndef fit(): ...\ndef _hidden(): ...\nfire.Fire()\n",
            ),
            (
                "firing_some.py",
                "import fire\nclass Model:\n    def score(self): ...\ndef fit(): ...\nfire.Fire({'train': fit, 'model': Model})\n",
            ),
            (
                "site/management/commands/retrain.py",
                "from django.core.management.base import BaseCommand\nclass Command(BaseCommand):\n    def handle(self, *args, **options): ...\n",
            ),
        ],
        "command args -> args.py:main
         command conf -> conf.py:train
         command fit -> firing.py:fit
         command model score -> firing_some.py:Model.score
         command retrain -> site/management/commands/retrain.py:Command.handle
         command train -> firing_some.py:fit
         script args.py -> args.py:<module>",
    );
}

#[test]
fn classes_say_which_methods_they_answer() {
    check(
        &[
            (
                "app.py",
                "from flask import Flask\nfrom flask.views import MethodView, View\napp = Flask(__name__)\nclass Old(View):\n    methods = ['PUT']\n    def dispatch_request(self): ...\napp.add_url_rule('/old', view_func=Old.as_view('old'))\nclass Model(MethodView):\n    def get(self, id): ...\n    def post(self, id): ...\ndef register(view, url, kind='int'):\n    app.add_url_rule(f'{url}<{kind}:id>', view_func=view.as_view('x'), methods=['POST'])\nregister(Model, '/models/')\n",
            ),
            (
                "urls.py",
                "from django.urls import include, path\nfrom rest_framework.routers import SimpleRouter\nfrom views import Things, Pairs\nrouter = SimpleRouter()\nrouter.register('things', Things)\nurlpatterns = [path('', include(router.urls)), path('pairs/', Pairs.as_view({'get': 'list', 'post': 'create'}))]\n",
            ),
            (
                "views.py",
                "from rest_framework import mixins, viewsets\nclass Things(viewsets.ModelViewSet):\n    http_method_names = ['get', 'post']\n    def get_queryset(self): ...\nclass Pairs(mixins.CreateModelMixin, viewsets.GenericViewSet):\n    def list(self, request): ...\n    def perform_create(self, serializer): ...\n",
            ),
        ],
        "POST /models/{id} -> app.py:Model.post
         PUT /old -> app.py:Old.dispatch_request
         GET /pairs/ -> views.py:Pairs.list
         POST /pairs/ -> views.py:Pairs.perform_create
         GET /things/ -> views.py:Things.get_queryset
         POST /things/ -> views.py:Things.get_queryset
         GET /things/{pk}/ -> views.py:Things.get_queryset",
    );
}

#[test]
fn added_commands_periodic_tasks_and_bash_steps() {
    check(
        &[
            (
                "cli.py",
                "import click\n@click.group()\ndef main(): ...\n@click.group()\ndef db(): ...\n@click.command()\ndef evaluate(): ...\n@db.command()\ndef init(): ...\nmain.add_command(evaluate, name='ev')\nmain.add_command(db)\n",
            ),
            (
                "dag.py",
                "from airflow.operators.bash import BashOperator\nBashOperator(task_id='train', bash_command='cd /opt/app && python src/train.py --fast')\n",
            ),
            ("src/train.py", "print('train')\n"),
            (
                "tasks.py",
                "from celery import Celery\napp = Celery('x')\n@app.task\ndef train(): ...\n@app.on_after_configure.connect\ndef setup(sender, **kwargs):\n    sender.add_periodic_task(10.0, train.s(), name='every-10')\n",
            ),
        ],
        "command main -> cli.py:main
         command main db -> cli.py:db
         command main db init -> cli.py:init
         command main ev -> cli.py:evaluate
         job every-10 -> tasks.py:train
         job train -> tasks.py:train
         step train -> src/train.py:<module>",
    );
}
