//! The page that people look at. It is public and holds no data: what it shows it
//! asks the API for, with the token of whoever looks.
//!
//! It is one document that loads nothing. Its policy allows exactly the script
//! and the style that are in it, by their hashes, and requests to its own origin.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use function_edge::Reply;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("dashboard/page.html");
const STYLE: &str = include_str!("dashboard/style.css");
/// In the order in which they build on each other.
const SCRIPTS: [&str; 6] = [
    include_str!("dashboard/dom.js"),
    include_str!("dashboard/api.js"),
    include_str!("dashboard/plot.js"),
    include_str!("dashboard/card.js"),
    include_str!("dashboard/ingestion.js"),
    include_str!("dashboard/main.js"),
];

struct Dashboard {
    html: String,
    policy: String,
}

static DASHBOARD: LazyLock<Dashboard> = LazyLock::new(|| {
    let script = format!("\"use strict\";\n{}", SCRIPTS.join("\n"));
    let html = PAGE.replace("/*style*/", STYLE).replace("/*script*/", &script);
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(&script),
        hash(STYLE)
    );
    Dashboard { html, policy }
});

pub fn page() -> Reply {
    Reply::page(DASHBOARD.html.clone(), &DASHBOARD.policy)
}

/// As a content-security policy names what it allows.
fn hash(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_one_document_that_loads_nothing() {
        let html = &DASHBOARD.html;
        for outside in ["http://", "https://", "src=", "@import", "url(", "style=\"", "onclick="] {
            let found = html.match_indices(outside).map(|(at, _)| &html[at.saturating_sub(60)..at + 40]);
            let found: Vec<&str> = found.filter(|around| !around.contains("http://www.w3.org/2000/svg")).collect();
            assert_eq!(found, Vec::<&str>::new(), "{outside}");
        }
        assert!(!html.contains("/*style*/") && !html.contains("/*script*/"));
        assert!(!html.contains("innerHTML"), "what the API answers is text, never markup");
    }

    #[test]
    fn the_policy_allows_the_very_script_and_style() {
        let within = |tag: &str| {
            let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
            let begin = DASHBOARD.html.find(&open).unwrap() + open.len();
            &DASHBOARD.html[begin..begin + DASHBOARD.html[begin..].find(&close).unwrap()]
        };
        assert!(DASHBOARD.policy.contains(&format!("script-src '{}'", hash(within("script")))));
        assert!(DASHBOARD.policy.contains(&format!("style-src '{}'", hash(within("style")))));
    }
}
