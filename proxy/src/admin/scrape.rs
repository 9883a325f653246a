//! What `/metrics` shows, as numbers: the status says nothing else.

/// One sample of Prometheus' text format.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: String,
    labels: Vec<(String, String)>,
    pub(super) value: f64,
}

impl Sample {
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        labels.find_map(|(known, value)| (known == name).then_some(&**value))
    }
}

/// Every sample of a text; what is none is left out.
pub(super) fn samples(text: &str) -> Vec<Sample> {
    text.lines().filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (name, rest) = line.split_at(line.find(['{', ' '])?);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: rest.trim().parse().ok()?,
    })
}

/// `a="b",c="d"}` and what follows.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches(',');
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = quoted(rest)?;
        labels.push((name.to_owned(), value));
        text = rest;
    }
}

fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

/// The quantile of a histogram: `buckets` are upper bounds with how many lie at
/// or below each. Within a bucket it is interpolated in a straight line, as
/// Prometheus' `histogram_quantile` does; beyond the last bound it is that
/// bound. None where nothing was measured.
pub(super) fn quantile(buckets: &mut [(f64, f64)], quantile: f64) -> Option<f64> {
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total = buckets.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let rank = quantile * total;
    let at = buckets.iter().position(|(_, below)| *below >= rank)?;
    let (lower, before) = match at {
        0 => (0.0, 0.0),
        at => buckets[at - 1],
    };
    let (upper, below) = buckets[at];
    match upper.is_infinite() || below <= before {
        true => Some(lower),
        false => Some(lower + (upper - lower) * (rank - before) / (below - before)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read() {
        let text =
            "# TYPE a counter\na{x=\"1\",y=\"q\\\"\\\\\\n,}\"} 3\nb 0.5\n\nc{} NaN\nbroken{x=\"\n";
        let samples = samples(text);
        assert_eq!(samples.len(), 3);
        assert_eq!((&*samples[0].name, samples[0].value), ("a", 3.0));
        assert_eq!(samples[0].label("x"), Some("1"));
        assert_eq!(samples[0].label("y"), Some("q\"\\\n,}"));
        assert_eq!((&*samples[1].name, samples[1].value), ("b", 0.5));
    }

    #[test]
    fn quantiles_are_interpolated() {
        let mut buckets = [(f64::INFINITY, 100.0), (0.1, 50.0), (0.2, 98.0)];
        assert_eq!(quantile(&mut buckets, 0.5), Some(0.1));
        assert_eq!(quantile(&mut buckets, 0.25), Some(0.05));
        let p74 = quantile(&mut buckets, 0.74).unwrap();
        assert!((p74 - 0.15).abs() < 1e-9, "{p74}");
        assert_eq!(quantile(&mut buckets, 0.99), Some(0.2), "the last bound");
        assert_eq!(quantile(&mut [(1.0, 0.0)], 0.5), None);
        assert_eq!(quantile(&mut [], 0.5), None);
    }
}
