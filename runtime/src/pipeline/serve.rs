//! `[serve]`: where faces are, and what a request has to show.

use std::net::SocketAddr;

use toml::Spanned;

use super::file::{ServeFile, TokenFile, TokenWritten};
use super::problem::Problem;
use super::{Token, TokenFrom};

pub(super) fn check(file: ServeFile) -> Result<(SocketAddr, Option<Token>), Problem> {
    let token = file.token.map(token).transpose()?;
    let Some(listen) = file.listen else {
        return Ok((SocketAddr::from(([127, 0, 0, 1], 7070)), token));
    };
    let address: SocketAddr = listen.get_ref().parse().map_err(|_| {
        let message = format!(
            "serve: listen: {:?} is no address with a port",
            listen.get_ref()
        );
        Problem::at(listen.span(), message).label("write 127.0.0.1:7070")
    })?;
    if !address.ip().is_loopback() && !file.open && token.is_none() {
        let message = format!(
            "serve: listen: {address} can be reached from other machines, and faces ask nobody who he is"
        );
        return Err(Problem::at(listen.span(), message).label(
            "write 127.0.0.1, or beside it token = { env = \"…\" }, or open = true where something else asks",
        ));
    }
    Ok((address, token))
}

fn token(mut written: Spanned<TokenWritten>) -> Result<Token, Problem> {
    let span = written.span();
    let header = match written.get_mut() {
        TokenWritten::Table(table) => table.header.take(),
        TokenWritten::Other(_) => None,
    };
    let header = header.map(|header| {
        header.parse().map_err(|_| {
            let message = format!("serve: token: {header:?} is no header");
            Problem::at(span, message).label("write x-admin-token")
        })
    });
    Ok(Token {
        from: found(written, "serve: token")?,
        header: header.transpose()?,
    })
}

/// Where a secret is; `owner` says what for.
pub(super) fn found(written: Spanned<TokenWritten>, owner: &str) -> Result<TokenFrom, Problem> {
    let span = written.span();
    match written.into_inner() {
        TokenWritten::Table(TokenFile {
            env: Some(env),
            file: None,
            header: None,
        }) => Ok(TokenFrom::Env(env)),
        TokenWritten::Table(TokenFile {
            env: None,
            file: Some(file),
            header: None,
        }) => Ok(TokenFrom::File(file)),
        TokenWritten::Table(_) | TokenWritten::Other(_) => {
            let message = format!("{owner}: it says where the secret is, once");
            Err(Problem::at(span, message).label(
                "write { env = \"VARIABLE\" } or { file = \"PATH\" }, never the secret itself",
            ))
        }
    }
}
