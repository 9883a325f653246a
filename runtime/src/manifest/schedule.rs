//! `every = "15m"` as NCRONTAB: `{second} {minute} {hour} {day} {month}
//! {day-of-week}`. ("Timer trigger for Azure Functions"; a time span is taken in
//! App Service plans only.)

use std::time::Duration;

/// The schedule; `None` where it is none of equal steps that begin anew each
/// minute, hour or day.
pub(super) fn ncrontab(every: Duration) -> Option<String> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    if every.subsec_nanos() != 0 {
        return None;
    }
    let divides = |steps: u64, whole: u64| steps > 0 && whole.is_multiple_of(steps);
    match every.as_secs() {
        DAY => Some("0 0 0 * * *".to_owned()),
        HOUR => Some("0 0 * * * *".to_owned()),
        MINUTE => Some("0 * * * * *".to_owned()),
        seconds if seconds < MINUTE && divides(seconds, MINUTE) => {
            Some(format!("*/{seconds} * * * * *"))
        }
        seconds if divides(MINUTE, seconds) && divides(seconds / MINUTE, 60) => {
            Some(format!("0 */{} * * * *", seconds / MINUTE))
        }
        seconds if divides(HOUR, seconds) && divides(seconds / HOUR, 24) => {
            Some(format!("0 0 */{} * * *", seconds / HOUR))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_steps_are_said_and_others_are_not() {
        let said = |seconds| ncrontab(Duration::from_secs(seconds));
        for (seconds, expected) in [
            (5, Some("*/5 * * * * *")),
            (60, Some("0 * * * * *")),
            (900, Some("0 */15 * * * *")),
            (3_600, Some("0 0 * * * *")),
            (21_600, Some("0 0 */6 * * *")),
            (86_400, Some("0 0 0 * * *")),
            (7, None),
            (90, None),
            (420, None),
            (18_000, None),
            (604_800, None),
            (0, None),
        ] {
            assert_eq!(said(seconds).as_deref(), expected, "{seconds}");
        }
        assert_eq!(ncrontab(Duration::from_millis(1_500)), None);
    }
}
