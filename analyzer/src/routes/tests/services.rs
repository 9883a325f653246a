//! Rust services: a framework each, and what looks like one.

use super::check;

#[track_caller]
fn check_one(text: &str, expected: &str) {
    check(&[("src/lib.rs", text)], expected);
}

#[test]
fn axum_routers_are_followed_through_names_branches_and_functions() {
    check_one(
        r#"
        use axum::{Router, routing::{get, post, any, on, MethodFilter}};
        const ROOT: &str = "/v1";
        pub fn app(cfg: Config) -> Router {
            let app = Router::new().route("/", get(home));
            let mut app = app.nest(ROOT, api());
            if cfg.extra { app = app.merge(extra()); }
            app = with_admin(app);
            for (path, size) in [("/small", 1), ("/large", 2)] { app = app.route(path, any(sized)); }
            app.fallback(lost).layer(cors())
        }
        fn api() -> Router {
            let items = Router::new()
                .route("/{id}", get(Items::read).put(Items::write).layer(auth()))
                .route("/", post(|body: String| async move { body }));
            Router::new().nest("/items", items).route("/*rest", on(MethodFilter::GET.or(MethodFilter::HEAD), rest))
        }
        fn extra() -> Router { let r = if on() { Router::new().route("/a", get(a)) } else { Router::new() }; r.route("/b", get(b)) }
        fn with_admin(router: Router) -> Router { router.route("/admin", get(home)) }
        struct Items;
        impl Items { async fn read() {} async fn write() {} }
        async fn home() {}
        async fn sized() {}
        async fn rest() {}
        async fn lost() {}
        async fn a() {}
        async fn b() {}
        "#,
        "GET / -> src/lib.rs:home
         GET /a -> src/lib.rs:a
         GET /admin -> src/lib.rs:home
         GET /b -> src/lib.rs:b
         ANY /large -> src/lib.rs:sized
         ANY /small -> src/lib.rs:sized
         POST /v1/items -> src/lib.rs:api::{closure}
         GET /v1/items/{id} -> src/lib.rs:Items::read
         PUT /v1/items/{id} -> src/lib.rs:Items::write
         GET /v1/{rest} -> src/lib.rs:rest
         HEAD /v1/{rest} -> src/lib.rs:rest
         hook fallback -> src/lib.rs:lost",
    );
}

#[test]
fn axum_documented_routers_sockets_and_middleware() {
    check_one(
        r#"
        use axum::{middleware, extract::ws::WebSocketUpgrade, routing::get};
        use utoipa_axum::{router::OpenApiRouter, routes};
        fn app() -> OpenApiRouter {
            let (router, api) = OpenApiRouter::with_openapi(doc()).nest("/api", items()).split_for_parts();
            router.route("/feed", get(feed)).layer(middleware::from_fn(auth))
        }
        fn items() -> OpenApiRouter { OpenApiRouter::new().routes(routes!(list, make)) }
        #[utoipa::path(get, path = "/items", responses((status = 200, body = [Item])))]
        async fn list() {}
        #[utoipa::path(post, path = "/items", request_body = Item)]
        async fn make() {}
        async fn feed(ws: WebSocketUpgrade) {}
        async fn auth() {}
        "#,
        "GET /api/items -> src/lib.rs:list
         POST /api/items -> src/lib.rs:make
         websocket /feed -> src/lib.rs:feed
         hook middleware -> src/lib.rs:auth",
    );
}

#[test]
fn a_client_or_a_map_is_no_router() {
    check_one(
        r#"
        use std::collections::HashMap;
        async fn load(client: reqwest::Client, map: HashMap<String, String>) {
            client.get("/x").send().await;
            client.route("/x", map.get("/x"));
            map.get("/x").map(shown);
            let merged = map.merge(other());
            table.at("/x", shown);
            list.service(shown).to(shown);
            #[get("/x")] fn inner() {}
        }
        #[client::get("/y")]
        fn shown() {}
        fn other() {}
        "#,
        "",
    );
}

#[test]
fn actix_scopes_reach_the_attributes_registered_in_them() {
    check(
        &[
            (
                "src/main.rs",
                r#"
                use actix_web::{web, App, HttpServer, HttpResponse, get, guard};
                mod users;
                #[get("/health")]
                async fn health() -> &'static str { "ok" }
                #[actix_web::main]
                async fn main() -> std::io::Result<()> {
                    HttpServer::new(move || {
                        App::new()
                            .service(health)
                            .configure(users::configure)
                            .configure(|cfg| { cfg.route("/inline", web::get().to(inline)); })
                            .service(
                                web::scope("/api")
                                    .service(web::resource("/x/{id}").route(web::put().to(put)).route(web::route().guard(guard::Get()).to(read)))
                                    .service(web::scope("/deep").route("/y", web::post().to(put)))
                                    .service(web::resource("/all").to(read)),
                            )
                            .default_service(web::to(lost))
                    })
                    .bind(("0.0.0.0", 8080))?
                    .run()
                    .await
                }
                async fn inline() {}
                async fn put() {}
                async fn read() {}
                async fn lost() {}
                "#,
            ),
            (
                "src/users.rs",
                r#"
                use actix_web::{web, delete, route};
                pub fn configure(cfg: &mut web::ServiceConfig) {
                    cfg.service(web::scope("/users").service(remove).service((both, web::resource("").get(list))));
                }
                #[delete("/{id}")]
                async fn remove() {}
                #[route("/both", method = "GET", method = "HEAD")]
                async fn both() {}
                async fn list() {}
                "#,
            ),
        ],
        "ANY /api/all -> src/main.rs:read
         POST /api/deep/y -> src/main.rs:put
         GET /api/x/{id} -> src/main.rs:read
         PUT /api/x/{id} -> src/main.rs:put
         GET /health -> src/main.rs:health
         GET /inline -> src/main.rs:inline
         GET /users -> src/users.rs:list
         GET /users/both -> src/users.rs:both
         HEAD /users/both -> src/users.rs:both
         DELETE /users/{id} -> src/users.rs:remove
         script src/main.rs -> src/main.rs:main
         hook default_service -> src/main.rs:lost",
    );
}

#[test]
fn rocket_mounts_are_in_front() {
    check(
        &[
            (
                "src/main.rs",
                r#"
                #[macro_use] extern crate rocket;
                mod items;
                #[get("/")]
                fn index() -> &'static str { "" }
                #[catch(404)]
                fn missing() {}
                #[launch]
                fn rocket() -> _ {
                    rocket::build().mount("/", routes![index]).mount("/api", items::routes()).register("/", catchers![missing])
                }
                "#,
            ),
            (
                "src/items.rs",
                r#"
                use rocket::Route;
                pub fn routes() -> Vec<Route> { routes![read, files, write] }
                #[get("/items/<id>?<q>", rank = 2)]
                fn read(id: u32, q: String) {}
                #[get("/files/<path..>")]
                fn files(path: PathBuf) {}
                #[route(POST, uri = "/items", data = "<item>")]
                fn write(item: Json<Item>) {}
                "#,
            ),
        ],
        "GET / -> src/main.rs:index
         GET /api/files/{path} -> src/items.rs:files
         POST /api/items -> src/items.rs:write
         GET /api/items/{id} -> src/items.rs:read
         hook catch -> src/main.rs:missing",
    );
}

#[test]
fn warp_filters_multiply_and_add() {
    check_one(
        r#"
        use warp::Filter;
        pub async fn serve(db: Db) {
            let hello = warp::path!("hello" / String).map(|name| name);
            let api = warp::path("api").and(items(db).or(remove()));
            let socket = warp::path("feed").and(warp::ws()).map(feed);
            warp::serve(hello.or(api).or(socket).recover(lost)).run(([127, 0, 0, 1], 3030)).await;
        }
        fn items(db: Db) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
            warp::path!("items" / u64).and(warp::get()).and(with_db(db.clone())).and_then(read)
                .or(warp::path("items").and(warp::path::end()).and(warp::post()).and(warp::body::json()).and_then(make))
        }
        fn remove() -> impl Filter + Clone {
            warp::delete().and(warp::path("items")).and(warp::path::param::<u64>()).then(gone)
        }
        fn with_db(db: Db) -> impl Filter { warp::any().map(move || db.clone()) }
        async fn read() {}
        async fn make() {}
        async fn gone() {}
        fn feed() {}
        async fn lost() {}
        fn unrelated(xs: Vec<u8>) { xs.iter().map(feed); }
        "#,
        "POST /api/items -> src/lib.rs:make
         DELETE /api/items/{param} -> src/lib.rs:gone
         GET /api/items/{u64} -> src/lib.rs:read
         ANY /hello/{String} -> src/lib.rs:serve::{closure}
         websocket /feed -> src/lib.rs:feed",
    );
}

#[test]
fn poem_routes_and_described_apis() {
    check_one(
        r#"
        use poem::{get, handler, Route};
        use poem_openapi::{OpenApi, OpenApiService};
        #[handler]
        fn read() {}
        #[handler]
        fn write() {}
        fn app() -> Route {
            let service = OpenApiService::new(Api, "x", "1").server("/");
            let ui = service.swagger_ui();
            let inner = Route::new().at("/:id", get(read).post(write)).at("/any", read);
            Route::new().nest("/in", inner).nest("/api", service).nest("/docs", ui)
        }
        struct Api;
        #[OpenApi]
        impl Api {
            #[oai(path = "/hello", method = "get", method = "post")]
            async fn hello(&self) {}
        }
        "#,
        "GET /api/hello -> src/lib.rs:Api::hello
         POST /api/hello -> src/lib.rs:Api::hello
         ANY /in/any -> src/lib.rs:read
         GET /in/{id} -> src/lib.rs:read
         POST /in/{id} -> src/lib.rs:write",
    );
}

#[test]
fn clap_commands_are_the_arms_of_the_match() {
    check_one(
        r#"
        use clap::{Args, Parser, Subcommand};
        #[derive(Parser)]
        struct Cli { #[command(subcommand)] command: Option<Command> }
        #[derive(Subcommand)]
        enum Command { TrainModel { rows: u32 }, Serve, Db(DbArgs), Run(RunArgs) }
        #[derive(Args)]
        struct DbArgs { #[command(subcommand)] command: DbCommand }
        #[derive(Subcommand, Debug)]
        enum DbCommand { Init, Drop }
        #[derive(Args)]
        struct RunArgs { n: u32 }
        impl RunArgs { fn execute(self) {} }
        pub fn start() {
            let cli = Cli::parse();
            match cli.command {
                Some(Command::TrainModel { rows }) => { let data = load(rows); train(data); }
                Some(Command::Serve) => runtime().block_on(async { serve().await }),
                Some(Command::Db(args)) => db(args),
                Some(Command::Run(args)) => args.execute(),
                None => {}
            }
        }
        fn db(args: DbArgs) { match args.command { DbCommand::Init => init(), DbCommand::Drop => println!("no") } }
        fn load(rows: u32) -> u32 { rows }
        fn train(data: u32) {}
        async fn serve() {}
        fn init() {}
        "#,
        "command db -> src/lib.rs:db
         command db drop -> src/lib.rs:db
         command db init -> src/lib.rs:init
         command run -> src/lib.rs:RunArgs::execute
         command serve -> src/lib.rs:serve
         command train-model -> src/lib.rs:train",
    );
}

#[test]
fn clap_builders_structopt_and_argh() {
    check_one(
        r#"
        use argh::FromArgs;
        #[derive(FromArgs)]
        #[argh(subcommand)]
        enum Nested { One(OneArgs) }
        #[derive(FromArgs)]
        #[argh(subcommand, name = "first")]
        struct OneArgs {}
        fn nested(n: Nested) { match n { Nested::One(args) => one(args) } }
        fn one(args: OneArgs) {}
        fn built() {
            let matches = clap::Command::new("app").subcommand(clap::Command::new("fit")).subcommand(clap::Command::new("score")).get_matches();
            if let Some(m) = matches.subcommand_matches("fit") { fit(m); }
            match matches.subcommand_name() { Some("score") => score(), _ => {} }
        }
        fn fit(m: &ArgMatches) {}
        fn score() {}
        "#,
        "command first -> src/lib.rs:one
         command fit -> src/lib.rs:fit
         command score -> src/lib.rs:score",
    );
}

#[test]
fn work_by_the_clock_and_by_queues() {
    check_one(
        r#"
        use apalis::prelude::*;
        use clokwerk::Scheduler;
        use lapin::Channel;
        use tokio_cron_scheduler::Job;
        async fn start(channel: Channel) {
            tokio::spawn(async move { let mut tick = interval(); loop { tick.tick().await; refresh().await; } });
            tokio::spawn(watch(1));
            tokio::spawn(once());
            std::thread::spawn(|| loop { refresh(); thread::sleep(second()); });
            let nightly = Job::new_async("0 0 * * * *", |id, _| Box::pin(async move { retrain().await; }));
            let mut scheduler = Scheduler::new();
            scheduler.every(10.minutes()).run(|| clean());
            WorkerBuilder::new("mails").backend(store()).build_fn(mail);
        }
        async fn consume(channel: Channel) {
            let consumer = channel.basic_consume("jobs", "me").await;
            while let Some(message) = consumer.next().await { mail(message); }
        }
        async fn refresh() {}
        async fn watch(n: u32) { loop { sleep(n).await; } }
        async fn once() { sleep(1).await; }
        async fn retrain() {}
        fn clean() {}
        async fn mail() {}
        "#,
        "job clean -> src/lib.rs:start::{closure}
         job consume -> src/lib.rs:consume
         job mails -> src/lib.rs:mail
         job refresh -> src/lib.rs:start::{closure}
         job refresh -> src/lib.rs:start::{closure}
         job retrain -> src/lib.rs:start::{closure}
         job watch -> src/lib.rs:watch",
    );
}

#[test]
fn builders_in_circles_come_to_an_end() {
    let again = "if a { return router(router(r)); }\n".repeat(60);
    let filters = ".or(filter())".repeat(60);
    let text = format!(
        "use axum::{{Router, routing::get}};\nuse warp::Filter;\nuse poem::Route;\nuse actix_web::web;\n\
         fn router(r: Router) -> Router {{\n{again}let r = r.merge(r).route(\"/x\", m());\nr }}\n\
         fn m() -> M {{ m().merge(m()).get(h) }}\nfn h() {{}}\n\
         fn filter() -> F {{ filter(){filters}.map(h) }}\n\
         fn configure(c: C) {{ c.configure(configure).service(scope()); }}\n\
         fn scope() -> S {{ web::scope(\"/a\").service(scope()) }}\n\
         fn start() {{ warp::serve(filter()); }}\n"
    );
    let (_, found) = super::examined(&super::tree(&[("src/lib.rs", &text)]));
    assert!(found.iter().any(|route| route.path == "/x"));
}
