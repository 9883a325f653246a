//! Cases are a few files and the routes that come out, and the fixtures.

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
        .filter(|name| !matches!(name.as_str(), "mod" | "survey" | "tests"))
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
