//! What every page has around its content.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::html::escaped;

const CSS: &str = include_str!("page.css");

/// A whole page. `content` is HTML. The policy allows the page's own style and
/// nothing else: no script, no network.
pub(super) fn page(title: &str, content: &str) -> String {
    let title = escaped(title);
    let hash = BASE64_STANDARD.encode(Sha256::digest(CSS));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n{content}</main>\n\
         </body>\n</html>\n"
    )
}
