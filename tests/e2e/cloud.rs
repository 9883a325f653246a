//! `cutline run` under the names of Azure's own services: over https, as each
//! kind of identity, with secrets from a Key Vault and signed versions.
//!
//! `cargo test --test e2e cloud:: -- --nocapture` tells what was asked for.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::azurite;
use crate::support::cloud::{Cloud, FEDERATED, Identity, NAME};
use crate::support::pipeline::Home;
use crate::support::{eventually, run};

/// Of `openssl genpkey -algorithm ed25519`, and its `openssl pkey -pubout`.
const SIGNING: (&str, &str) = (
    "MC4CAQAwBQYDK2VwBCIEILniDfbzeVMOKUCz/nsnOR1ZugEl2dWWk0yaaFd6mTJj",
    "MCowBQYDK2VwAyEANNFVitIF4NZDQ3Clj/t5LvhFslg6X80PuDd+N+BUL4M=",
);
const TOKEN: &str = "t0ken-of-the-clients";

fn store(more: &str) -> String {
    format!("\n[store]\nurl = \"azure:https://{NAME}.blob.core.windows.net/kept\"\n{more}\n")
}

/// With containers, and rows that came in.
fn cloud(home: &Home) -> Cloud {
    let cloud = Cloud::start();
    let ca = cloud.folder.path().join("ca.pem");
    let sas = azurite::sas(NAME, "rwdlacup", "2999-01-01T00:00:00Z");
    let proxy = cloud.environment(Identity::Workload).remove(0).1;
    let put = |path: &str, more: &[&str]| {
        let url = format!("https://{NAME}.blob.core.windows.net/{path}{sas}");
        let mut command = Command::new("curl");
        command.args(["--fail", "--silent", "--show-error", "-X", "PUT"]);
        command.args(["--proxy", &proxy, "--cacert"]).arg(&ca);
        run(command.args(more).arg(&url), "it is not put there");
    };
    for container in ["kept", "incoming"] {
        let path = format!("{container}?restype=container&");
        put(&path, &["-H", "content-length: 0"]);
    }
    let rows = format!("@{}", home.path().join("incoming/may.csv").display());
    let is_blob = "x-ms-blob-type: BlockBlob";
    put(
        "incoming/may.csv?",
        &["-H", is_blob, "--data-binary", &rows],
    );
    cloud
}

fn command(home: &Home, cloud: &Cloud, identity: Identity, args: &[&str]) -> Command {
    let mut command = home.command(args);
    command.envs(cloud.environment(identity));
    command
}

fn output(home: &Home, cloud: &Cloud, identity: Identity, args: &[&str]) -> Output {
    command(home, cloud, identity, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn everything_is_https_by_a_token_and_no_secret_is_written_anywhere() {
    let home = Home::new(&format!(
        "{}\n[secrets]\nvault = \"https://{NAME}.vault.azure.net\"\n\n\
         [signing]\nkey = {{ vault = \"signing\" }}\ntrusted = [\"{}\"]\n",
        store(""),
        SIGNING.1
    ));
    let file = home.path().join("functions.toml");
    let asks = "[serve]\ntoken = \"secret:vault:clients-token\"";
    let written = fs::read_to_string(&file).unwrap();
    fs::write(&file, written.replacen("[serve]", asks, 1)).unwrap();
    let cloud = cloud(&home);

    // A secret that is not there is named, and nothing begins.
    let refused = output(&home, &cloud, Identity::Workload, &["run"]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("serve.token cannot be used"), "{said}");
    assert!(said.contains("secret:vault:clients-token"), "{said}");
    assert!(said.contains("there is no such secret"), "{said}");

    cloud.has_secret("clients-token", TOKEN);
    cloud.has_secret("signing", SIGNING.0);
    let mut printed = said;
    let send = ["queue", "send", "raw-arrived", "--id", "may", "name=may"];
    let sent = output(&home, &cloud, Identity::Workload, &send);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    let mut program = command(
        &home,
        &cloud,
        Identity::Workload,
        &["run", "--log", "debug"],
    );
    program.args(["--visibility", "10s"]);
    let running = home.started(program);
    eventually("a model serves", || {
        running.get("/v2/models/inference/ready").0 == 200
    });
    let begin = "{\"name\": \"may\"}";
    assert_eq!(running.post("/pipeline/run", "", begin).0, 401);
    let shown = format!("authorization: Bearer {TOKEN}\r\n");
    assert_ne!(running.post("/pipeline/run", &shown, begin).0, 401);
    printed += &running.log();
    running.end();

    // As whoever else may ask, too; and it is signed.
    for identity in [Identity::Workload, Identity::Managed, Identity::Cli] {
        let listed = output(&home, &cloud, identity, &["registry", "list"]);
        let said = text(&listed.stdout) + &text(&listed.stderr);
        assert!(listed.status.success(), "{identity:?}: {said}");
        assert!(said.contains("champion"), "{identity:?}: {said}");
        printed += &said;
    }
    let signed = output(
        &home,
        &cloud,
        Identity::Managed,
        &["registry", "sign", "churn"],
    );
    let said = text(&signed.stdout) + &text(&signed.stderr);
    assert!(
        said.contains("churn v1 (") && said.contains(&format!("is signed by {}", SIGNING.1)),
        "{said}"
    );
    printed += &said;

    let asked = cloud.asked();
    let places: BTreeSet<&String> = asked.iter().collect();
    let counted = format!(
        "asked besides storage: {places:?}, {} tokens given\n",
        cloud.tokens().len()
    );
    std::io::stderr().write_all(counted.as_bytes()).unwrap();

    let mut secrets = cloud.tokens();
    secrets.extend([TOKEN, SIGNING.0, FEDERATED].map(ToOwned::to_owned));
    let mut n_files = 0;
    let mut looked_at = |what: &str, content: &str| {
        n_files += 1;
        for secret in &secrets {
            assert!(!content.contains(secret.as_str()), "{what} holds a secret");
        }
    };
    looked_at("what was printed", &printed);
    for folder in [home.path(), cloud.azurite.folder()] {
        each_file(folder, &mut |path, content| {
            looked_at(&path.display().to_string(), content);
        });
    }
    assert!(n_files > 10, "{n_files} files were looked at");
}

fn each_file(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => each_file(&path, look),
            false => look(&path, &text(&fs::read(&path).unwrap())),
        }
    }
}

#[test]
fn what_lets_nobody_in_says_why_and_what_to_do() {
    let home = Home::new(&store("sas = { env = \"STORE_SAS\" }"));
    let cloud = cloud(&home);
    let all = RefCell::new(String::new());
    let listed = |sas: &str| {
        let mut command = command(&home, &cloud, Identity::Workload, &["registry", "list"]);
        let output = command.env("STORE_SAS", sas).output().unwrap();
        let said = text(&output.stderr);
        all.borrow_mut().push_str(&said);
        (output.status.code(), said)
    };
    let good = azurite::sas(NAME, "rwdlacup", "2999-01-01T00:00:00Z");
    assert_eq!(listed(&good).0, Some(0));
    let over = azurite::sas(NAME, "rwdlacup", "2020-01-01T00:00:00Z");
    let (status, said) = listed(&over);
    assert_eq!(status, Some(4), "{said}");
    assert!(
        said.contains("was good until 2020-01-01T00:00:00Z"),
        "{said}"
    );
    // To a clock that is slow, a SAS begins in the future.
    let early = azurite::sas_from(
        NAME,
        "rwdlacup",
        "2998-01-01T00:00:00Z",
        "2999-01-01T00:00:00Z",
    );
    let (status, said) = listed(&early);
    assert_ne!(status, Some(0), "{said}");
    assert!(
        said.contains(
            "is not good before 2998-01-01T00:00:00Z: see that this machine's clock is right"
        ),
        "{said}"
    );
    let narrow = azurite::sas(NAME, "l", "2999-01-01T00:00:00Z");
    let (status, said) = listed(&narrow);
    assert_ne!(status, Some(0), "{said}");
    assert!(said.contains("Storage Blob Data Contributor"), "{said}");
    for sas in [good, over, early, narrow] {
        let signature = sas.split_once("sig=").unwrap().1;
        assert!(!all.borrow().contains(signature), "{}", all.borrow());
    }
    // A setting whose reference Azure did not resolve.
    let unresolved = "@Microsoft.KeyVault(SecretUri=https://churn.vault.azure.net/secrets/sas)";
    let (status, said) = listed(unresolved);
    assert_eq!(status, Some(4), "{said}");
    assert!(
        said.contains("the setting STORE_SAS is a Key Vault reference that was not resolved"),
        "{said}"
    );
}
