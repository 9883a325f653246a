//! `[serve]`: where faces are, and what a request has to show.

use std::net::SocketAddr;

use toml::Spanned;

use super::file::{SecretWritten, ServeFile, TlsFile};
use super::problem::Problem;
use super::secrets::found;
use super::{Tls, Token};

/// What the table says.
pub(super) struct Served {
    pub(super) listen: SocketAddr,
    pub(super) tls: Option<Tls>,
    pub(super) token: Option<Token>,
}

pub(super) fn check(file: ServeFile) -> Result<Served, Problem> {
    let token = file.token.map(token).transpose()?;
    let tls = file.tls.map(tls).transpose()?;
    let listen = match &file.listen {
        None => SocketAddr::from(([127, 0, 0, 1], 7070)),
        Some(listen) => address(listen)?,
    };
    if let Some(written) = file
        .listen
        .filter(|_| !listen.ip().is_loopback() && !file.open)
    {
        let lacks = match (&token, &tls) {
            (None, _) => Some(("faces ask nobody who he is", "token = { env = \"…\" }")),
            (_, None) => Some((
                "faces send what they say as it is",
                "tls = { certificate = \"…\", key = { file = \"…\" } }",
            )),
            (Some(_), Some(_)) => None,
        };
        if let Some((why, write)) = lacks {
            let message =
                format!("serve: listen: {listen} can be reached from other machines, and {why}");
            return Err(Problem::at(written.span(), message).label(format!(
                "write 127.0.0.1, or beside it {write}, or open = true where something else does it"
            )));
        }
    }
    Ok(Served { listen, tls, token })
}

fn address(listen: &Spanned<String>) -> Result<SocketAddr, Problem> {
    listen.get_ref().parse().map_err(|_| {
        let message = format!(
            "serve: listen: {:?} is no address with a port",
            listen.get_ref()
        );
        Problem::at(listen.span(), message).label("write 127.0.0.1:7070")
    })
}

fn tls(file: TlsFile) -> Result<Tls, Problem> {
    Ok(Tls {
        certificate: file.certificate,
        key: found(file.key, "serve: tls: key")?,
    })
}

fn token(mut written: Spanned<SecretWritten>) -> Result<Token, Problem> {
    let span = written.span();
    let header = match written.get_mut() {
        SecretWritten::Table(table) => table.header.take(),
        SecretWritten::Reference(_) | SecretWritten::Other(_) => None,
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
