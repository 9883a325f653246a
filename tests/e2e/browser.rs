//! The browser that looks at our pages can see what is wrong with one.

use std::fs;

use crate::support;

const PAGE: &str = r#"<!doctype html><title>t</title><p id="p">–</p>
<img src="http://example.invalid/x.png">
<script>document.getElementById("p").textContent = 6 * 7; nothing.here</script>"#;

#[test]
fn a_page_is_run_and_its_errors_and_requests_are_seen() {
    let folder = support::target().join("tmp/browser");
    fs::create_dir_all(&folder).unwrap();
    let (page, picture) = (folder.join("page.html"), folder.join("page.png"));
    fs::write(&page, PAGE).unwrap();

    let seen = support::screenshot(
        &page,
        &picture,
        (800, 600),
        "document.body.innerText.trim()",
    );

    assert_eq!(seen.result, "42");
    assert_eq!(seen.requests, ["\"http://example.invalid/x.png\""]);
    let errors = seen.console_errors.join("\n");
    assert!(errors.contains("nothing is not defined"), "{errors}");
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}
