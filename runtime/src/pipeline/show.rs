//! The pipeline for people: a table, and a picture in Mermaid.

use std::fmt::Write;

use super::{Function, Input, Pipeline, Trigger};
use crate::secret::without_password;

impl Pipeline {
    /// A row per function: its name, stage, trigger, what it reads and makes.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 5]> {
        let row = |function: &Function| {
            [
                function.name.clone(),
                function.stage.clone(),
                trigger(&function.trigger),
                reads(function),
                makes(function),
            ]
        };
        self.functions.iter().map(row).collect()
    }

    /// Functions as boxes, queues and artifacts as what joins them.
    #[must_use]
    pub fn mermaid(&self) -> String {
        let mut text = String::from("graph LR\n");
        for queue in self.queues() {
            line(&mut text, &format!("q_{}[/\"{queue}\"/]", id(queue)));
        }
        for function in &self.functions {
            let node = format!("f_{}", id(&function.name));
            line(&mut text, &format!("{node}[\"{}\"]", function.name));
            match &function.trigger {
                Trigger::Queue(queue) => line(&mut text, &format!("q_{} --> {node}", id(queue))),
                Trigger::Events(hub) => {
                    let edge = format!("e_{}([\"{}\"]) --> {node}", id(&hub.name), hub.name);
                    line(&mut text, &edge);
                }
                Trigger::Every(every) => {
                    let every = humantime::format_duration(*every);
                    line(
                        &mut text,
                        &format!("t_{node}(\"every {every}\") --> {node}"),
                    );
                }
                Trigger::Http => line(&mut text, &format!("h_{node}(\"HTTP\") --> {node}")),
            }
            for (name, input) in &function.inputs {
                if let Some((from, shown)) = store(input) {
                    let edge = format!("s_{}[(\"{shown}\")] -. {name} .-> {node}", id(&from));
                    line(&mut text, &edge);
                }
            }
            if let Some(queue) = &function.output.queue {
                line(&mut text, &format!("{node} --> q_{}", id(queue)));
            }
            for table in function.output.tables.values() {
                line(
                    &mut text,
                    &format!("{node} -.-> s_{0}[(\"{0}\")]", id(&table.name)),
                );
            }
            if let Some(alias) = &function.output.alias {
                let alias = alias.to_string();
                line(
                    &mut text,
                    &format!("{node} -.-> s_{}[(\"{alias}\")]", id(&alias)),
                );
            }
        }
        text
    }
}

fn line(text: &mut String, what: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "  {what}");
}

/// What lies outside of messages, by an id and as it is shown.
fn store(input: &Input) -> Option<(String, String)> {
    match input {
        Input::Artifact(_) => None,
        Input::Blob(path) => Some((path.to_string(), path.to_string().replace(['{', '}'], "*"))),
        Input::Sql { query, .. } => Some((query.clone(), "a query".to_owned())),
        Input::Model(alias) => Some((alias.to_string(), alias.to_string())),
        Input::Log(function) => Some((
            format!("log_{function}"),
            format!("predictions of {function}"),
        )),
    }
}

fn id(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

fn trigger(trigger: &Trigger) -> String {
    match trigger {
        Trigger::Queue(queue) => format!("queue {queue}"),
        Trigger::Events(hub) => format!("event hub {} ({})", hub.name, hub.consumer_group),
        Trigger::Every(every) => format!("every {}", humantime::format_duration(*every)),
        Trigger::Http => "HTTP".to_owned(),
    }
}

fn reads(function: &Function) -> String {
    let each = function.inputs.iter().map(|(_, input)| match input {
        Input::Blob(path) => path.to_string(),
        Input::Artifact(name) => name.clone(),
        Input::Sql { url, .. } => without_password(url),
        Input::Model(alias) => format!("model {alias}"),
        Input::Log(function) => format!("log of {function}"),
    });
    listed(each)
}

fn makes(function: &Function) -> String {
    let output = &function.output;
    let artifacts = output.artifacts.values().cloned();
    let alias = output.alias.iter().map(|alias| format!("alias {alias}"));
    let tables = output.tables.values();
    let table = tables.map(|table| format!("table {}", table.name));
    let queue = output.queue.iter().map(|queue| format!("queue {queue}"));
    listed(artifacts.chain(alias).chain(table).chain(queue))
}

fn listed(each: impl Iterator<Item = String>) -> String {
    match each.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "–".to_owned(),
        some => some,
    }
}
