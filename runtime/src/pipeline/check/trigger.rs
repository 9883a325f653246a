//! What starts a function, and that nobody takes another's messages or events.

use std::collections::BTreeMap;

use toml::Spanned;

use super::{is_queue, time};
use crate::pipeline::file::{FunctionFile, TriggerFile};
use crate::pipeline::problem::Problem;
use crate::pipeline::{DUE, EVENTS, EventHub, Trigger};

const ONE: &str = "write trigger = { queue = \"…\" }, { event_hub = \"…\" }, { every = \"15m\" } or { http = true }";

/// The longest name of a queue, its poison queue's included.
const LONGEST: usize = 63 - "-poison".len();

pub(super) fn trigger(
    name: &str,
    place: &Spanned<String>,
    file: Option<Spanned<TriggerFile>>,
) -> Result<Trigger, Problem> {
    let Some(file) = file else {
        let message = format!("function {name} has no trigger");
        return Err(Problem::at(place.span(), message).label(ONE));
    };
    let span = file.span();
    let TriggerFile {
        queue,
        event_hub,
        consumer_group,
        every,
        http,
    } = file.into_inner();
    let http = http.filter(|http| *http.get_ref());
    if let Some(group) = consumer_group.as_ref().filter(|_| event_hub.is_none()) {
        let message = format!("function {name}: a consumer_group is one of an event_hub");
        return Err(Problem::at(group.span(), message)
            .label("write event_hub = \"…\" beside it, or leave it out"));
    }
    match (queue, event_hub, every, http) {
        (Some(queue), None, None, None) => {
            is_queue(&queue)?;
            Ok(Trigger::Queue(queue.into_inner()))
        }
        (None, Some(hub), None, None) => {
            has_room(place, EVENTS, "where events trigger it")?;
            events(name, &hub, consumer_group.as_ref()).map(Trigger::Events)
        }
        (None, None, Some(every), None) => {
            has_room(place, DUE, "where time triggers it")?;
            time(&every, &format!("function {name}")).map(Trigger::Every)
        }
        (None, None, None, Some(_)) => Ok(Trigger::Http),
        _ => {
            let message = format!("function {name}: a function has one trigger");
            Err(Problem::at(span, message).label(ONE))
        }
    }
}

/// With what its own queue and that one's poison queue have behind it, a name has
/// room.
fn has_room(name: &Spanned<String>, behind: &str, when: &str) -> Result<(), Problem> {
    let most = LONGEST - behind.len();
    match name.get_ref().len() <= most {
        true => Ok(()),
        false => {
            let message = format!(
                "function {}: its name is too long for its own queue",
                name.get_ref()
            );
            Err(Problem::at(name.span(), message)
                .label(format!("at most {most} characters {when}")))
        }
    }
}

/// By the rules of Event Hubs, so that a file that holds here holds there.
fn events(
    function: &str,
    hub: &Spanned<String>,
    group: Option<&Spanned<String>>,
) -> Result<EventHub, Problem> {
    const LONGEST_HUB: usize = 256;
    const LONGEST_GROUP: usize = 50;
    let wrong = |written: &Spanned<String>, what: &str, most: usize| {
        let message = format!(
            "function {function}: {:?} is no name of {what}",
            written.get_ref()
        );
        Problem::at(written.span(), message).label(format!(
            "1 to {most} letters, digits, dots, dashes and underscores, the first and the last a letter or digit"
        ))
    };
    if !is_plain(hub.get_ref(), LONGEST_HUB) {
        return Err(wrong(hub, "an event hub", LONGEST_HUB));
    }
    let consumer_group = match group {
        None => EventHub::DEFAULT_GROUP.to_owned(),
        Some(group) => {
            let text = group.get_ref();
            if text != EventHub::DEFAULT_GROUP && !is_plain(text, LONGEST_GROUP) {
                return Err(wrong(group, "a consumer group", LONGEST_GROUP));
            }
            text.clone()
        }
    };
    Ok(EventHub {
        name: hub.get_ref().clone(),
        consumer_group,
    })
}

fn is_plain(name: &str, most: usize) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    let inside = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (1..=most).contains(&name.len())
        && name.chars().all(inside)
        && name.starts_with(ends)
        && name.ends_with(ends)
}

/// A message goes to one of a queue's readers, an event to one of those of a
/// consumer group: two functions there would each see half of them.
pub(super) fn readers_differ(functions: &[FunctionFile]) -> Result<(), Problem> {
    let mut read: BTreeMap<String, &str> = BTreeMap::new();
    for function in functions {
        // Whom time or events trigger, has a queue of its own.
        let trigger = function.shared.trigger.as_ref().map(Spanned::get_ref);
        let behind = match trigger {
            Some(trigger) if trigger.every.is_some() => DUE,
            Some(trigger) if trigger.event_hub.is_some() => EVENTS,
            _ => continue,
        };
        let name = function.name.get_ref();
        read.insert(format!("{name}{behind}"), name);
    }
    for function in functions {
        let trigger = function.shared.trigger.as_ref().map(Spanned::get_ref);
        let Some(queue) = trigger.and_then(|trigger| trigger.queue.as_ref()) else {
            continue;
        };
        let (name, queue_name) = (function.name.get_ref(), queue.get_ref());
        if let Some(other) = read.insert(queue_name.clone(), name) {
            let message = format!("function {name}: {other} reads the queue {queue_name} too");
            return Err(Problem::at(queue.span(), message)
                .label("a message goes to one of them: give each its own queue"));
        }
    }
    hearers_differ(functions)
}

/// The same of hubs, of whose names Azure does not tell letters apart by their
/// case.
fn hearers_differ(functions: &[FunctionFile]) -> Result<(), Problem> {
    let mut heard: Vec<(&str, &str, &str)> = Vec::new();
    for function in functions {
        let trigger = function.shared.trigger.as_ref().map(Spanned::get_ref);
        let Some((trigger, hub)) = trigger.and_then(|it| Some((it, it.event_hub.as_ref()?))) else {
            continue;
        };
        let group = trigger
            .consumer_group
            .as_ref()
            .map(|group| group.get_ref().as_str());
        let group = group.unwrap_or(EventHub::DEFAULT_GROUP);
        let (name, hub_name) = (function.name.get_ref().as_str(), hub.get_ref().as_str());
        for (other, other_hub, other_group) in &heard {
            if !hub_name.eq_ignore_ascii_case(other_hub) {
                continue;
            }
            if hub_name != *other_hub {
                let message = format!(
                    "function {name}: {other} writes the event hub {hub_name} as {other_hub}"
                );
                return Err(Problem::at(hub.span(), message)
                    .label("to Azure both are one: write it the same way"));
            }
            if group.eq_ignore_ascii_case(other_group) {
                let message = format!(
                    "function {name}: {other} reads the event hub {hub_name} as the consumer group {group}, too"
                );
                return Err(Problem::at(hub.span(), message)
                    .label("an event goes to one of them: give each its own consumer_group"));
            }
        }
        heard.push((name, hub_name, group));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::pipeline::{EventHub, Pipeline, Trigger};
    use crate::stages;

    fn file(name: &str, trigger: &str) -> String {
        format!(
            "[function.{name}]\nstage = \"ingestion\"\ntrigger = {trigger}\ninput = {{ blob = \"{{name}}.csv\" }}\noutput = {{ artifact = \"rows\" }}\n"
        )
    }

    #[track_caller]
    fn wrong(text: &str) -> String {
        let parsed = Pipeline::parse(text, stages::ALL).map(|_| ());
        parsed.unwrap_err().to_string()
    }

    #[test]
    fn a_hub_is_read_as_a_group_and_its_function_has_a_queue_of_its_own() {
        for (trigger, group) in [
            ("{ event_hub = \"Customer.events_1\" }", "$Default"),
            (
                "{ event_hub = \"Customer.events_1\", consumer_group = \"cutline\" }",
                "cutline",
            ),
        ] {
            let pipeline = Pipeline::parse(&file("arrivals", trigger), stages::ALL).unwrap();
            let function = &pipeline.functions[0];
            let hub = EventHub {
                name: "Customer.events_1".to_owned(),
                consumer_group: group.to_owned(),
            };
            assert_eq!(function.trigger, Trigger::Events(hub));
            assert_eq!(function.queue().as_deref(), Some("arrivals-events"));
            let shown = format!("event hub Customer.events_1 ({group})");
            assert_eq!(pipeline.rows()[0][2], shown);
            let drawn = pipeline.mermaid();
            let edge = "e_Customer_events_1([\"Customer.events_1\"]) --> f_arrivals";
            assert!(drawn.contains(edge), "{drawn}");
        }
    }

    #[test]
    fn what_event_hubs_would_refuse_is_refused_with_its_place() {
        let long = format!("{{ event_hub = \"{}\" }}", "a".repeat(257));
        for (trigger, says) in [
            (
                "{ event_hub = \"-events\" }",
                "3:25: function arrivals: \"-events\" is no name of an event hub (1 to 256 letters",
            ),
            ("{ event_hub = \"a b\" }", "is no name of an event hub"),
            ("{ event_hub = \"\" }", "is no name of an event hub"),
            (&long, "is no name of an event hub"),
            (
                "{ event_hub = \"a\", consumer_group = \"$Others\" }",
                "3:47: function arrivals: \"$Others\" is no name of a consumer group (1 to 50 letters",
            ),
            (
                "{ queue = \"abc\", consumer_group = \"a\" }",
                "3:45: function arrivals: a consumer_group is one of an event_hub (write event_hub",
            ),
            (
                "{ event_hub = \"a\", queue = \"abc\" }",
                "3:11: function arrivals: a function has one trigger (write trigger = { queue = \"…\" }, { event_hub",
            ),
        ] {
            let said = wrong(&file("arrivals", trigger));
            assert!(said.contains(says), "{said}\nexpected {says}");
        }
        let said = wrong(&file(&"a".repeat(50), "{ event_hub = \"a\" }"));
        assert!(
            said.contains("at most 49 characters where events trigger it"),
            "{said}"
        );
    }

    #[test]
    fn nobody_takes_anothers_events() {
        let two = |one: &str, other: &str| {
            let other = file("other", other).replace("\"rows\"", "\"others\"");
            format!("{}{other}", file("one", one))
        };
        let hub = |rest: &str| format!("{{ event_hub = \"events\"{rest} }}");
        let differ = two(&hub(""), &hub(", consumer_group = \"b\""));
        assert!(Pipeline::parse(&differ, stages::ALL).is_ok());
        for (one, other, says) in [
            (
                hub(""),
                hub(", consumer_group = \"$Default\""),
                "function other: one reads the event hub events as the consumer group $Default, too (an event goes to one of them",
            ),
            (
                hub(", consumer_group = \"a\""),
                hub(", consumer_group = \"A\""),
                "too (an event goes to one of them",
            ),
            (
                hub(""),
                "{ event_hub = \"Events\", consumer_group = \"a\" }".to_owned(),
                "function other: one writes the event hub Events as events (to Azure both are one",
            ),
            (
                hub(""),
                "{ queue = \"one-events\" }".to_owned(),
                "function other: one reads the queue one-events too",
            ),
        ] {
            let said = wrong(&two(&one, &other));
            assert!(said.contains(says), "{said}\nexpected {says}");
        }
    }
}
