//! Hosts a pipeline whose stages are cutline's seven and *labeling*.

mod labeling;

use std::io::{self, Write};
use std::path::PathBuf;

use cutline_runtime::{Kind, Local, Settings, open, stages};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("functions.toml"), PathBuf::from);
    let kinds: Vec<Kind> = stages::ALL
        .iter()
        .copied()
        .chain([labeling::KIND])
        .collect();
    let code = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let opened = open(&path, &kinds, None, code)?;
    let listener = TcpListener::bind(opened.pipeline.listen).await?;
    let address = listener.local_addr()?;
    let answering = Local::new(opened.pipeline, &[], opened.services, Settings::default())
        .in_storage(opened.storage)
        .answering(listener)?;
    writeln!(io::stderr(), "clients: http://{address}")?;
    answering
        .until(async {
            // Where it cannot be heard, it ends at once.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}
