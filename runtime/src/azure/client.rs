//! The HTTP client, as object_store and as azure_core take it.

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind, ResultExt};
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request};
use object_store::client::HttpConnector;

/// Gives object_store the client that was handed in.
#[derive(Debug)]
pub(super) struct Connector(pub(super) reqwest::Client);

impl HttpConnector for Connector {
    fn connect(
        &self,
        _: &object_store::ClientOptions,
    ) -> object_store::Result<object_store::client::HttpClient> {
        Ok(object_store::client::HttpClient::new(self.0.clone()))
    }
}

/// The same for azure_core. A SAS stands in the URL of a request, so that no
/// error may repeat it.
#[derive(Debug)]
pub(super) struct Discreet(pub(super) reqwest::Client);

#[async_trait]
impl HttpClient for Discreet {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let other = "the request cannot be made";
        let method = reqwest::Method::from_bytes(request.method().as_ref().as_bytes());
        let method = method.with_context(ErrorKind::Other, other)?;
        let Body::Bytes(body) = request.body().clone() else {
            return Err(Error::with_message(ErrorKind::Other, other));
        };
        let mut asked = self.0.request(method, request.url().clone()).body(body);
        for (name, value) in request.headers().iter() {
            asked = asked.header(name.as_str(), value.as_str());
        }
        let answer = asked.send().await.map_err(without_url)?;
        let status = answer.status().as_u16().into();
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let body = answer.bytes().await.map_err(without_url)?;
        Ok(AsyncRawResponse::from_bytes(status, headers, body))
    }
}

fn without_url(error: reqwest::Error) -> Error {
    // Both kinds are tried again.
    let kind = match error.is_connect() {
        true => ErrorKind::Connection,
        false => ErrorKind::Io,
    };
    Error::with_error(kind, error.without_url(), "the request failed")
}

#[cfg(test)]
mod tests {
    use azure_core::http::{Method, Url};

    use super::*;
    use crate::function::whole;

    #[tokio::test]
    async fn an_error_says_no_sas() {
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let closed = nobody.local_addr().unwrap();
        drop(nobody);
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder().tls_backend_preconfigured(tls);
        let client = Discreet(http.build().unwrap());
        let url = Url::parse(&format!("http://{closed}/dev/raw?sig=s3cret")).unwrap();
        let request = Request::new(url, Method::Get);
        let error = client.execute_request(&request).await.unwrap_err();
        // It is tried again.
        assert_eq!(*error.kind(), ErrorKind::Connection);
        let said = format!("{} {error:?}", whole(&error));
        assert!(!said.contains("s3cret"), "{said}");
    }
}
