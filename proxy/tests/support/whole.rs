//! A proxy with all that belongs to it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cutline_proxy::control::{self, Control, Notify};
use cutline_proxy::{Admin, Journal, Proxy, Running, StateFolder, admin};
use serde_json::{Value, json};

use super::{Response, ask, say};

/// A proxy with its admin interface, from a file in a folder of its own.
pub(crate) struct Whole {
    pub(crate) running: Running,
    pub(crate) admin: Admin,
    pub(crate) token: String,
    pub(crate) file: PathBuf,
}

impl Whole {
    /// Starts, or starts again, what the folder holds.
    pub(crate) fn start(folder: &Path) -> Whole {
        Whole::started(folder, |control| control)
    }

    /// The same, with somebody who is told of decisions.
    pub(crate) fn start_telling(folder: &Path, notify: Box<dyn Notify>) -> Whole {
        Whole::started(folder, |control| control.telling(notify))
    }

    fn started(folder: &Path, made: impl FnOnce(Control) -> Control) -> Whole {
        let state = StateFolder::make(&folder.join(".cutline")).unwrap();
        let token = state.token().unwrap();
        let journal = Journal::open(&state.journal()).unwrap();
        let file = folder.join("routes.toml");
        let text = fs::read_to_string(&file).unwrap();
        let config = control::check(&file, &text).unwrap();
        let mut settled = config.clone();
        settled.table = control::settled(&config, &journal).unwrap();
        let listener = admin::bind(&config.settings, None).unwrap();
        let running = Proxy::bind(settled).unwrap().start(1).unwrap();
        let control = made(Control::new(running.handle(), config, &file, text, journal));
        let admin = Admin::start(control, listener, token.clone()).unwrap();
        Whole {
            running,
            admin,
            token,
            file,
        }
    }

    pub(crate) fn clients(&self) -> SocketAddr {
        self.running.addresses()[0]
    }

    pub(crate) fn ask(&self, line: &str, body: &str) -> Response {
        let (to, token) = (self.admin.address(), &self.token);
        let length = body.len();
        let read = say(
            to,
            &format!(
                "{line} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
        );
        let (head, body) = read.split_once("\r\n\r\n").unwrap();
        Response {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let response = self.ask(&format!("GET {path}"), "");
        assert_eq!(response.status, 200, "{}", response.body);
        serde_json::from_str(&response.body).unwrap()
    }

    pub(crate) fn post(&self, stage: &str, wish: &Value) -> (u16, Value) {
        let line = format!("POST /api/stages/{stage}");
        let response = self.ask(&line, &wish.to_string());
        let answer = serde_json::from_str(&response.body);
        (
            response.status,
            answer.unwrap_or_else(|_| json!(response.body)),
        )
    }

    pub(crate) fn stage(&self) -> Value {
        self.get("/api/status")["stages"][0].clone()
    }

    /// Writes the file in two steps, as editors do.
    pub(crate) fn edit(&self, old: &str, new: &str) {
        let text = fs::read_to_string(&self.file).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(&self.file, "").unwrap();
        fs::write(&self.file, text.replace(old, new)).unwrap();
    }

    pub(crate) fn answers(&self) -> String {
        ask(self.clients(), "GET /drift", &[], "").body
    }

    pub(crate) fn stop(self) {
        self.admin.stop();
        self.running.stop();
    }
}
