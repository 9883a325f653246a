//! What holds of any two samples.

use proptest::prelude::*;

use super::shares::Tally;
use super::*;

fn any_numbers() -> impl Strategy<Value = Vec<f64>> {
    let number = prop_oneof![
        6 => (-20..20_i32).prop_map(|x| f64::from(x) / 4.0),
        3 => -1e3..1e3_f64,
        1 => any::<f64>(),
    ];
    prop::collection::vec(number, 0..40)
}

fn any_column() -> impl Strategy<Value = Column> {
    prop_oneof![
        any_numbers().prop_map(Column::numbers),
        prop::collection::vec(prop::option::of("[a-d]"), 0..30)
            .prop_map(|words| Column::words(words.iter().map(|word| word.as_deref()))),
    ]
}

proptest! {
    #[test]
    fn no_test_panics_and_each_score_is_in_its_range(a in any_column(), b in any_column()) {
        for test in Test::ALL {
            let Ok(score) = test.score(&a, &b) else { continue };
            prop_assert!(score.is_finite() && score >= -1e-12, "{test} {score}");
            prop_assert!(!test.is_p_value() || score <= 1.0 + 1e-12, "{test} {score}");
        }
        let distribution = Distribution::of(&a, &b);
        let text = serde_json::to_string(&distribution).unwrap();
        prop_assert_eq!(serde_json::from_str::<Distribution>(&text).unwrap(), distribution);
    }

    #[test]
    fn the_same_sample_has_not_drifted(a in any_column()) {
        let numbers = [Test::Ks, Test::Wasserstein];
        for test in Test::ALL {
            if let Ok(outcome) = test.run(&a, &a, None) {
                prop_assert!(!outcome.drifted, "{outcome:?}");
            } else if let Column::Numbers(values) = &a {
                prop_assert!(values.len() < 2 || !numbers.contains(&test) || values.iter().any(|v| v.abs() > 1e100));
            }
        }
    }

    #[test]
    fn distances_are_the_same_both_ways(a in any_numbers(), b in any_numbers()) {
        let (a, b) = (finite(a), finite(b));
        prop_assume!(a.iter().chain(&b).all(|value| value.abs() < 1e9));
        prop_assert_eq!(wasserstein(&a, &b), wasserstein(&b, &a));
        prop_assert_eq!(kolmogorov_smirnov(&a, &b), kolmogorov_smirnov(&b, &a));
        let (a, b) = (Column::Numbers(a), Column::Numbers(b));
        let tally = Tally::of_values(&a, &b).unwrap();
        let there = jensen_shannon(&tally.reference, &tally.current);
        let back = jensen_shannon(&tally.current, &tally.reference);
        prop_assert!((there.is_nan() && back.is_nan()) || (there - back).abs() < 1e-12);
        prop_assert!(there.is_nan() || there <= 2.0_f64.ln().sqrt() + 1e-12);
    }
}
