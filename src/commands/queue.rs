//! `cutline queue`

use anyhow::Context;
use clap::{Args, Subcommand};
use cutline_runtime::host::Opened;
use cutline_runtime::queue::{Message, QueueName, retry};
use std::time::Duration;

use super::pipeline::{PipelineArgs, block_on};
use crate::console::Console;
use crate::error::{CommandError, Kind};
use crate::table::table;

/// Looks into queues, sends, requeues and purges.
///
/// No `cutline run` may use the data folder meanwhile.
#[derive(Args)]
pub(crate) struct QueueArgs {
    #[command(flatten)]
    pipeline: PipelineArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists the queues and how many messages each has.
    List,
    /// Shows the next messages of a queue, and why they failed.
    Show {
        /// The queue.
        queue: String,
        /// How many at most.
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Sends a message.
    Send {
        /// The queue.
        queue: String,
        /// A value of the message; may be said several times.
        #[arg(value_name = "NAME=VALUE")]
        values: Vec<String>,
        /// What the message is called; the same name is the same work
        /// [default: one that is new].
        #[arg(long)]
        id: Option<String>,
        /// Lets nothing follow this function.
        #[arg(long, value_name = "FUNCTION")]
        until: Option<String>,
    },
    /// Puts the messages of a poison queue back where they failed.
    Requeue {
        /// The queue; its name ends in -poison.
        queue: String,
    },
    /// Throws all messages of a queue away.
    Purge {
        /// The queue.
        queue: String,
    },
}

/// Looks, or changes.
pub(crate) fn queue(args: &QueueArgs, console: &Console) -> Result<(), CommandError> {
    block_on(act(args, console))?
}

async fn act(args: &QueueArgs, console: &Console) -> Result<(), CommandError> {
    let Opened {
        services, pipeline, ..
    } = args.pipeline.open().await?;
    let queues = services.space.queues();
    match &args.action {
        Action::List => {
            let mut names: Vec<QueueName> = pipeline
                .queues()
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect();
            for name in queues.names().await.context("cannot list the queues")? {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let mut rows = Vec::new();
            for name in names {
                let depth = queues.open(&name).depth().await.context("cannot look")?;
                rows.push(vec![name.to_string(), depth.to_string()]);
            }
            console.print(&table(&["QUEUE", "MESSAGES>"], &rows))
        }
        Action::Show { queue, limit } => {
            let peeked = queues
                .open(&name(queue)?)
                .peek(*limit)
                .await
                .context("cannot look")?;
            let shown = peeked
                .iter()
                .map(|peeked| String::from_utf8_lossy(&peeked.body) + "\n");
            console.print(&shown.collect::<String>())
        }
        Action::Send {
            queue,
            values,
            id,
            until,
        } => {
            if let Some(until) = until
                && pipeline.function(until).is_none()
            {
                let message = format!("there is no function {until}");
                return Err(CommandError::message(Kind::Usage, message)
                    .hint("`cutline functions` lists them"));
            }
            let fresh = || format!("by-hand-{}", services.space.clock().now());
            let mut message = Message::new(id.clone().unwrap_or_else(fresh));
            for value in values {
                let Some((name, value)) = value.split_once('=') else {
                    let message = format!("{value:?} is no value");
                    return Err(CommandError::message(Kind::Usage, message).hint("write name=may"));
                };
                message.values.insert(name.to_owned(), value.to_owned());
            }
            message.until = until.clone();
            let body = message.to_body().context("the message cannot be sent")?;
            let sent = queues.open(&name(queue)?).send(body, Duration::ZERO).await;
            sent.context("the message cannot be sent")?;
            console.print(&format!("sent {}\n", message.id))
        }
        Action::Requeue { queue } => {
            let moved = retry::requeue(&**queues, &name(queue)?).await;
            let moved = moved.map_err(|error| CommandError::new(Kind::Usage, error))?;
            console.print(&format!("{moved} messages are tried again\n"))
        }
        Action::Purge { queue } => {
            let gone = queues
                .open(&name(queue)?)
                .purge()
                .await
                .context("cannot purge")?;
            console.print(&format!("{gone} messages are gone\n"))
        }
    }
}

fn name(text: &str) -> Result<QueueName, CommandError> {
    text.parse()
        .map_err(|error| CommandError::new(Kind::Usage, anyhow::Error::new(error)))
}
