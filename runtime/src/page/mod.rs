//! Reports as pages: what was measured, for people.
//!
//! A page is one file: no network, no script, figures drawn in SVG, light and
//! dark as the reader has it. Text from outside is escaped where it is put in,
//! and a page's content policy lets nothing run even where that were missed.
//! Like the kernels whose documents it shows, the room knows no stage, queue or
//! blob.

mod card;
mod drift;
mod figures;
mod frame;
mod html;
mod live;
mod markdown;
mod svg;
mod words;

pub use card::{Fact, ModelCard, model_card_html, model_card_markdown};
pub use drift::drift_html;
pub use live::live_html;

#[cfg(test)]
mod tests;
