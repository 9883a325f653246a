//! One accent per stage, the same in the terminal, the page and the graphs.

use crate::stages::Stage;

/// A stage's colour where it appears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accent {
    /// In a terminal of 256 colours; legible on black and on white.
    pub(super) terminal: u8,
    /// On white, or under white text: contrast at least 4.5.
    pub(super) light: &'static str,
    /// On near black: contrast at least 4.5.
    pub(super) dark: &'static str,
}

/// The accent of `stage`.
pub(super) fn accent(stage: Stage) -> Accent {
    let (terminal, light, dark) = match stage {
        Stage::Ingestion => (32, "#1f67ad", "#82b5ec"),
        Stage::Preprocessing => (37, "#0b706b", "#5fc6bf"),
        Stage::Training => (98, "#6f47b8", "#b9a0f2"),
        Stage::Evaluation => (136, "#835800", "#dfb352"),
        Stage::Deployment => (166, "#ac4515", "#f29b72"),
        Stage::Inference => (70, "#33701f", "#93d07a"),
        Stage::Monitoring => (168, "#a82e70", "#f094c2"),
        Stage::Shared => (245, "#56616f", "#adb8c6"),
        Stage::None => (243, "#676b70", "#9ba1a9"),
    };
    Accent {
        terminal,
        light,
        dark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_are_legible() {
        for stage in Stage::ALL {
            let accent = accent(stage);
            assert!(contrast(accent.light, "#ffffff") >= 4.5, "{stage} on white");
            assert!(contrast(accent.light, "#f4f4f1") >= 4.5, "{stage} on paper");
            assert!(contrast(accent.dark, "#22252b") >= 4.5, "{stage} on dark");
        }
    }

    /// As WCAG 2 defines it.
    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(hex: &str) -> f64 {
        let channel = |from: usize| {
            let value = u8::from_str_radix(&hex[from..from + 2], 16).expect("hex");
            let share = f64::from(value) / 255.0;
            if share <= 0.03928 {
                share / 12.92
            } else {
                ((share + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }
}
