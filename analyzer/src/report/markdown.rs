//! For a pull request: what a reviewer reads, with the long parts folded.

mod page;

use page::{Page, code, text};

use super::document::{ContractEntryDoc, CrossingEntry, FindingEntry, LineEntry, Place, Report};
use super::{mermaid, words};
use crate::hazards::Severity;

/// The report as GitHub-flavoured Markdown.
pub(super) fn render(report: &Report) -> String {
    let mut page = Page::default();
    summary(report, &mut page);
    stages(report, &mut page);
    cut(report, &mut page);
    shared(report, &mut page);
    hazards(report, &mut page);
    order(report, &mut page);
    routes(report, &mut page);
    skipped(report, &mut page);
    page.text.truncate(page.text.trim_end().len());
    page.text.push('\n');
    page.text
}

fn summary(report: &Report, page: &mut Page) {
    let summary = &report.summary;
    page.put(format_args!("# Split report: {}\n", text(&report.name)));
    let mut read = vec![
        words::count(summary.files, "file"),
        words::count(summary.lines, "line"),
    ];
    for names in [&summary.frameworks, &summary.libraries] {
        if !names.is_empty() {
            read.push(text(&names.join(", ")));
        }
    }
    page.put(format_args!("{}\n", read.join(" · ")));
    if report.functions.is_empty() {
        page.put(format_args!(
            "No functions were found: there is nothing to cut.\n"
        ));
        return;
    }
    page.put(format_args!(
        "**{} at a price of {}, {}; {} as they are, {} a cut.**\n",
        words::count(report.cut.lines.len(), "cut line"),
        words::price(report.cut.price),
        words::count(report.crossings.len(), "crossing"),
        match words::blocked_lines(report) {
            0 => "all lines can be cut".to_string(),
            blocked => format!("{blocked} of the lines cannot be cut"),
        },
        match words::n_findings(report, Severity::Blocks) {
            0 => "no hazard blocks".to_string(),
            1 => "1 hazard blocks".to_string(),
            blocking => format!("{} hazards block", words::grouped(blocking)),
        },
    ));
}

fn stages(report: &Report, page: &mut Page) {
    if report.functions.is_empty() {
        return;
    }
    page.put(format_args!("## Stages\n"));
    let rows = words::rows(report).map(|entry| {
        let routes: Vec<String> = entry.routes.iter().map(|route| code(route)).collect();
        vec![
            entry.stage.to_string(),
            words::grouped(entry.functions),
            if routes.is_empty() {
                "–".to_string()
            } else {
                routes.join(", ")
            },
            entry
                .confidence
                .map_or("–".to_string(), |share| format!("{share:.2}")),
        ]
    });
    page.table(
        &["Stage", "Functions", "Routes", "Confidence"],
        rows.collect(),
    );
    page.put(format_args!("```mermaid\n{}```\n", mermaid::render(report)));
}

fn cut(report: &Report, page: &mut Page) {
    if report.cut.lines.is_empty() {
        if !report.functions.is_empty() {
            page.put(format_args!(
                "## Where to cut\n\nNo call or data crosses between stages.\n"
            ));
        }
        return;
    }
    page.put(format_args!("## Where to cut\n"));
    for line in &report.cut.lines {
        cut_line(report, line, page);
    }
}

fn cut_line(report: &Report, line: &LineEntry, page: &mut Page) {
    page.put(format_args!(
        "### {} → {}: price {}\n",
        line.from,
        line.to,
        words::price(line.price)
    ));
    page.put(format_args!("{}\n", text(&line.headline)));
    if !line.blocked.is_empty() {
        page.put(format_args!(
            "**Cannot be cut as it is:** {}\n",
            text(&line.blocked)
        ));
    }
    let crossings: Vec<&CrossingEntry> = report
        .crossings
        .iter()
        .filter(|crossing| (crossing.from_stage, crossing.to_stage) == (line.from, line.to))
        .collect();
    let rows = crossings.iter().map(|crossing| {
        vec![
            words::price(crossing.price),
            format!("{} {}", text(&crossing.via), code(&crossing.name)),
            format!(
                "{} {}",
                code(&words::short(&crossing.from)),
                place(place_of(crossing, true))
            ),
            format!(
                "{} {}",
                code(&words::short(&crossing.to)),
                place(place_of(crossing, false))
            ),
            text(&crossing.becomes),
        ]
    });
    let title = words::count(crossings.len(), "crossing");
    page.folded(
        &title,
        &["Price", "What", "From", "To", "Becomes"],
        rows.collect(),
    );
    if let Some(contract) = words::contract_of(report, line.from, line.to) {
        contract_table(contract, page);
    }
}

/// The place of a crossing that lies in the file of its upstream or
/// downstream function; a call is seen in the caller, downstream.
fn place_of(crossing: &CrossingEntry, upstream: bool) -> &Place {
    let id = if upstream {
        &crossing.from
    } else {
        &crossing.to
    };
    let here = id
        .split_once(':')
        .is_some_and(|(file, _)| file == crossing.place.file);
    let there = id
        .split_once(':')
        .is_some_and(|(file, _)| file == crossing.far.file);
    match (here, there) {
        (true, false) => &crossing.place,
        (false, true) => &crossing.far,
        _ if upstream => &crossing.place,
        _ => &crossing.far,
    }
}

fn contract_table(contract: &ContractEntryDoc, page: &mut Page) {
    let rows = contract.entries.iter().map(|entry| {
        let value = match entry.value.as_str() {
            "unknown" => "unknown".to_string(),
            value => code(value),
        };
        vec![
            words::entry_kind(entry.kind).to_string(),
            code(&entry.name),
            value,
            place(&entry.place),
        ]
    });
    let title = format!(
        "Contract: {}",
        words::contract_summary(&contract.entries, 2)
    );
    page.titled(&title, &["Kind", "Name", "Value", "Where"], rows.collect());
}

fn shared(report: &Report, page: &mut Page) {
    if report.cut.shared.is_empty() {
        return;
    }
    page.put(format_args!("## Shared functions\n"));
    let rows = report.cut.shared.iter().map(|shared| {
        let file = shared.function.split(':').next().unwrap_or_default();
        vec![
            code(&words::short(&shared.function)),
            code(&format!("{file}:{}", shared.line)),
            words::stages(&shared.stages, ", "),
            words::advice(shared.advice).to_string(),
            text(&shared.reason),
        ]
    });
    let title = words::count(report.cut.shared.len(), "function");
    page.folded(
        &title,
        &["Function", "Where", "Needed by", "Advice", "Why"],
        rows.collect(),
    );
}

fn hazards(report: &Report, page: &mut Page) {
    if report.functions.is_empty() {
        return;
    }
    page.put(format_args!("## Hazards\n"));
    if report.findings.is_empty() {
        page.put(format_args!("None found.\n"));
    }
    for (severity, title) in [
        (Severity::Blocks, "block a cut"),
        (Severity::Costs, "cost at a cut"),
        (Severity::Note, "worth knowing"),
    ] {
        let found: Vec<&FindingEntry> = report
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .collect();
        if found.is_empty() {
            continue;
        }
        let rows = found.iter().map(|finding| {
            vec![
                code(&finding.hazard),
                place(&finding.place),
                text(&finding.message),
                text(&finding.mend),
            ]
        });
        let title = format!("{} {title}", found.len());
        page.titled(&title, &["Hazard", "Where", "What", "Mend"], rows.collect());
    }
}

fn order(report: &Report, page: &mut Page) {
    if report.order.is_empty() {
        return;
    }
    page.put(format_args!("## In which order\n"));
    for (idx, step) in report.order.iter().enumerate() {
        let reasons: Vec<String> = step.reasons.iter().map(|reason| text(reason)).collect();
        let reasons = if reasons.is_empty() {
            String::new()
        } else {
            format!(": {}", reasons.join("; "))
        };
        page.put(format_args!("{}. **{}**{reasons}", idx + 1, step.stage));
    }
    page.put(format_args!(""));
}

fn routes(report: &Report, page: &mut Page) {
    if report.routes.is_empty() {
        return;
    }
    page.put(format_args!("## Routes\n"));
    let rows = report.routes.iter().map(|route| {
        let name = format!("{} {}", route.method, route.path);
        let spans = words::stages(&route.stages, ", ");
        vec![
            match words::way(route) {
                Some(way) => format!("{} {}", code(name.trim()), text(&way)),
                None => code(name.trim()),
            },
            if route.fat {
                format!("**{spans}: split it**")
            } else {
                spans
            },
            format!(
                "{} {}",
                code(&words::short(&route.handler)),
                place(&route.place)
            ),
            text(&route.side_effects.join(", ")),
        ]
    });
    let title = words::count(report.routes.len(), "route");
    page.folded(
        &title,
        &["Route", "Stages", "Handler", "Changes"],
        rows.collect(),
    );
    for route in &report.routes {
        let at = format!("{} {}", route.method, route.path);
        let contract = report.contracts.iter().find(|contract| contract.at == at);
        if let Some(contract) = contract.filter(|contract| !contract.entries.is_empty()) {
            page.put(format_args!("{}\n", code(at.trim())));
            contract_table(contract, page);
        }
    }
}

fn skipped(report: &Report, page: &mut Page) {
    if report.skipped.is_empty() {
        return;
    }
    page.put(format_args!("## Skipped\n"));
    let rows = report
        .skipped
        .iter()
        .map(|file| vec![code(&file.file), text(&file.reason)]);
    let title = words::count(report.skipped.len(), "file");
    page.folded(&title, &["File", "Why"], rows.collect());
}

fn place(place: &Place) -> String {
    code(&words::place(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_churn_service() {
        insta::assert_snapshot!(render(&sample::churn()));
    }

    #[test]
    fn a_way_in_says_what_it_is() {
        let mut report = sample::churn();
        report.routes[0].kind = crate::routes::RouteKind::Step;
        report.routes[0].framework = "luigi".into();
        report.routes[1].kind = crate::routes::RouteKind::Script;
        report.routes[1].framework = "script".into();
        let page = render(&report);
        assert!(page.contains("` luigi step |"), "{page}");
        assert!(page.contains("` script |"), "{page}");
    }

    #[test]
    fn an_empty_folder() {
        insta::assert_snapshot!(render(&sample::empty()), @r"
        # Split report: nothing

        0 files · 0 lines

        No functions were found: there is nothing to cut.
        ");
    }

    #[test]
    fn nothing_in_a_cell_is_markup() {
        assert_eq!(
            text("a|b `c` *d* <e> __init__ f_g"),
            "a\\|b \\`c\\` \\*d\\* &lt;e&gt; \\_\\_init\\_\\_ f_g"
        );
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("a\nb"), "`a b`");
        let page = render(&sample::hostile());
        let page = page.replace("```", "");
        // What is hostile holds a backtick, so its code spans have two.
        let mut prose = page.split("``").step_by(2);
        assert!(prose.all(|part| !part.contains("<script")));
    }

    #[test]
    fn tables_have_as_many_cells_in_each_row() {
        for report in [sample::churn(), sample::hostile(), sample::large()] {
            let page = render(&report);
            let mut width = 0;
            for line in page.lines() {
                let bars = line.replace("\\|", "").matches('|').count();
                if !line.starts_with('|') {
                    width = 0;
                } else if width == 0 {
                    width = bars;
                }
                assert_eq!(if width == 0 { 0 } else { bars }, width, "{line}");
            }
        }
    }
}
