//! What to do when Azure refuses, by the code that it gives. ("Common REST API
//! error codes", Azure Storage REST API.)

/// Of which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Blobs,
    Queues,
}

/// What to do about an answer with this status and code.
pub(crate) fn hint(of: Of, status: Option<u16>, code: &str) -> &'static str {
    match (of, status, code) {
        (Of::Blobs, _, "ContainerNotFound") => {
            "there is no such container: make it, or name another in store.url"
        }
        (
            Of::Blobs,
            _,
            "AuthorizationPermissionMismatch"
            | "AuthorizationServiceMismatch"
            | "AuthorizationResourceTypeMismatch"
            | "InsufficientAccountPermissions",
        ) => {
            "what the request shows lets it not do that: give this program's identity Storage Blob Data Contributor on the container, or make a SAS of the account with ss=bq, srt=sco and sp=rwdlacup"
        }
        (
            Of::Queues,
            _,
            "AuthorizationPermissionMismatch"
            | "AuthorizationServiceMismatch"
            | "AuthorizationResourceTypeMismatch"
            | "InsufficientAccountPermissions",
        ) => {
            "what the request shows lets it not do that: give this program's identity Storage Queue Data Contributor on the queue, or make a SAS of the account with ss=bq, srt=sco and sp=rwdlacup"
        }
        (_, _, "AuthorizationFailure" | "IpAuthorizationSourceAddressMismatch") => {
            "what the request shows is refused, or the account lets nobody in from here: see that the SAS or the token is for this account, and its network rules"
        }
        (_, _, "KeyBasedAuthenticationNotPermitted") => {
            "the account takes no SAS that its keys made: leave store.sas out, and give this program an identity"
        }
        (Of::Queues, _, "QueueNotFound") => {
            "there is no such queue, and this program may not make it: make it, and the one of its name and -poison"
        }
        (_, Some(401 | 403), _) => {
            "what the request shows is refused: see that the SAS or the token is for this account and not over, and that this machine's clock is right"
        }
        (Of::Blobs, Some(404), _) => {
            "there is no such account or container: make it, or name another in store.url"
        }
        (Of::Queues, Some(404), _) => "there is no such account: see store.url and store.queues",
        (_, Some(429 | 503), _) => {
            "the account is too busy, and stayed so for a minute: what was asked for comes again"
        }
        (Of::Blobs, _, _) => "see that the blob service can be reached from here",
        (Of::Queues, _, _) => "see that the queue service can be reached from here",
    }
}

/// The code in what a service answered, where only the text of it is known.
pub(crate) fn code(text: &str) -> &str {
    let code = text.split_once("<Code>").map(|(_, code)| code);
    code.and_then(|code| code.split_once("</Code>"))
        .map_or("", |(code, _)| code)
}
