//! What each of the macros becomes that everybody knows.

use super::super::dump::dump;
use super::super::lower;
use super::STANDARD;

fn check(text: &str) -> String {
    match lower("a.rs", text) {
        Ok(facts) => dump(&facts),
        Err(error) => error.to_string(),
    }
}

/// Statements of a function.
fn check_body(body: &str) -> String {
    check(&format!("fn f() {{ {body} }}"))
}

#[test]
fn the_list_is_sorted() {
    assert!(STANDARD.is_sorted());
}

#[test]
fn fields_of_events_have_their_names() {
    let body = r##"
    info!(count = n, ?x, %y.z, http.status = ?code(), "text {z}");
    tracing::warn!(target: "app", { user = id() }, "failed: {}", e());
    error!("plain");
    let span = info_span!("load", rows = rows.len());
    log!(Level::Info, "level {}", g::<A, B>(|a, b| a));
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      info!(count=n, x=x, y.z=y.z, http.status=code(), f{"text ", z})
      tracing.warn!(target="app", user=id(), f{"failed: ", e()})
      error!(f{"plain"})
      span = info_span!("load", rows=rows.len())
      log!(Level.Info, f{"level ", g(|(a, b)| { return a })})
    "##);
}

#[test]
fn json_keeps_its_shape() {
    let body = r##"
    json!({"a": [1, null, {"b": f(x)}], key: g::<A, B>(1), (k()): a::b});
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      json!({"a": [1, (), {"b": f(x)}], key: g(1), k(): a.b})
    "##);
}

#[test]
fn queries_are_calls_with_their_text() {
    let body = r##"
    let a = sqlx::query!("select 1 where id = $1", id).fetch_one(&pool).await?;
    query_as!(Row, "select * from rows" + " where n = $1", n as i32);
    sqlx::query_scalar!(r#"select count(*) as "n!" from rows"#);
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      a = await await sqlx.query!("select 1 where id = $1", id).fetch_one(pool)
      query_as!(Row, ("select * from rows" Add " where n = $1"), n)
      sqlx.query_scalar!("select count(*) as \"n!\" from rows")
    "##);
}

#[test]
fn branches_of_a_select_are_alternatives() {
    let body = r##"
    let won = tokio::select! {
        biased;
        Some(row) = rx.recv(), if open => { save(row); 1 }
        _ = tokio::time::sleep(d) => retry(),
        (a, b) = pair() => a + b,
        else => { return },
    };
    select! {
        recv(jobs) -> job => run(job),
        default(wait) => idle(),
    }
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      if open
        $4 = await rx.recv()
        row = $4
        save(row)
        $1 = 1
      else
        if opaque()
          $3 = await tokio.time.sleep(d)
          $1 = retry()
        else
          if opaque()
            $2 = await pair()
            (a, b) = $2
            $1 = (a Add b)
          else
            return
      won = $1
      if opaque()
        $6 = recv(jobs)
        job = $6
        return run(job)
      else
        $5 = default(wait)
        return idle()
    "##);
}

#[test]
fn futures_are_joined() {
    let body = r##"
    let (a, b) = tokio::join!(load(1), load(2));
    let both = futures::try_join!(x, y)?;
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      (a, b) = (await load(1), await load(2))
      both = await (await x, await y)
    "##);
}

#[test]
fn matches_is_its_test() {
    let body = r##"
    if matches!(next(), Some(x) if x > 2) { g(); }
    let ok = matches!(state, State::Open | State::Half);
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      $1 = next()
      x = $1
      if either(($1 Is Some), (x Gt 2))
        g()
      ok = either((state Eq State.Open), (state Eq State.Half))
    "##);
}

#[test]
fn assertions_and_errors() {
    let body = r##"
    assert!(ok(x), "not ok: {}", why());
    debug_assert_eq!(a(), b);
    ensure!(n > 0, "no rows in {path}");
    anyhow::ensure!(n > 1);
    let e = anyhow!("bad {n}");
    if n { bail!("worse: {}", g()) }
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      assert ok(x)
      f{"not ok: ", why()}
      assert (a() Eq b)
      if Not (n Gt 0)
        raise ensure!(f{"no rows in ", path})
      if Not (n Gt 1)
        raise anyhow.ensure!()
      e = anyhow!(f{"bad ", n})
      if n
        raise bail!(f{"worse: ", g()})
    "##);
}

#[test]
fn macros_hold_items() {
    let text = r##"
    lazy_static! { pub static ref POOL: Pool = { let url = env(); Pool::new(url) }; static ref N: u32 = 2; }
    thread_local! { static CACHE: RefCell<Map> = const { RefCell::new(Map::new()) } }
    cfg_if::cfg_if! { if #[cfg(unix)] { struct S; fn a() {} } else { fn b() {} } }
    impl S { fn m(&self) {} }
    fn f() -> u8 { lazy_static! { static ref X: u8 = g(); } cfg_if! { if #[cfg(x)] { one() } else if #[cfg(y)] { two() } else { three() } } }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    url = env()
    $1 = Pool.new(url)
    POOL: Pool = $1
    N: u32 = 2
    $2 = RefCell.new(Map.new())
    CACHE: RefCell[Map] = $2
    Class S
      Function S::m(self: S)
    Function a()
    Function b()
    Function f() -> u8
      X: u8 = g()
      if opaque()
        return one()
      else
        if opaque()
          return two()
        else
          return three()
    "##);
}

#[test]
fn collections_are_built() {
    let body = r##"
    vec![f(); n]; vec![0u8; len(x)]; smallvec![a, b];
    hashmap! { "a" => f(1), "b" => 2, }; hashset!{1, 2};
    df!("a" => &xs, "b" => [1, 2])?;
    array![[1., 2.], [3., f()]];
    m.slice(s![.., 0..n;2, -1]); m.slice(s![1..]);
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      [f()]
      opaque([0], len(x))
      [a, b]
      {"a": f(1), "b": 2}
      {1, 2}
      await df!({"a": xs, "b": [1, 2]})
      array!([1., 2.], [3., f()])
      m.slice((:, 0:n, Neg 1))
      m.slice(1:)
    "##);
}

#[test]
fn texts_are_joined() {
    let body = r##"
    let a = concat!("a", 1, '-', true); let b = concat!(env!("HOME"), "/b"); include_str!(concat!("q", ".sql"));
    option_env!("X"); include_bytes!("m.bin"); stringify!(a); println!(concat!("a {}", " b"), x);
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      a = "a1-true"
      b = f{env!("HOME"), "/b"}
      include_str!("q.sql")
      option_env!("X")
      include_bytes!("m.bin")
      "a"
      println!(f{"a ", x, " b"})
    "##);
}

#[test]
fn others_are_calls_or_salvaged() {
    let body = r##"
    register_counter_vec!("rows_total", "Rows", &["kind"])?;
    writeln!(out, "{}", x)?; write!(f, "{y}");
    dbg!(g()); let p = unknown!(name: h(), other = i());
    html! { div class=(css()) { (title()) @if ok() { p { "x" } } } }
    retry! { let x = load(); save(x); }
    odd!(a::b(c) => d; e);
    "##;
    insta::assert_snapshot!(check_body(body), @r##"
    Function f()
      await register_counter_vec!("rows_total", "Rows", ["kind"])
      await writeln!(out, f{x})
      write!(f, f{y})
      g()
      p = unknown!(name=h(), other=i())
      html!(opaque(css(), title(), ok(), "x"))
      x = load()
      save(x)
      retry!(opaque())
      odd!(opaque(a.b(c), d, e))
    "##);
}
