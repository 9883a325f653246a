//! What every backend of cells has to do: it is right when it passes.
//!
//! Beside the library's own tests, those compile it that need a service to run.

use cutline_runtime::store::cells::{Cells, Revision, Swapped};
use futures_util::future::join_all;

pub(crate) async fn check(cells: &dyn Cells) {
    one_swap_of_many_wins(cells).await;
    a_revision_that_is_past_changes_nothing(cells).await;
    a_cell_that_is_gone_can_be_made_again(cells).await;
    a_prefix_lists_what_begins_so(cells).await;
}

async fn put(cells: &dyn Cells, key: &str, seen: Option<&Revision>, value: &str) -> Revision {
    let value = value.to_owned().into();
    match cells.swap(key, seen, value).await.unwrap() {
        Swapped::Done(revision) => revision,
        Swapped::Lost(cell) => panic!("{key} is {cell:?}"),
    }
}

async fn value(cells: &dyn Cells, key: &str) -> Option<String> {
    let cell = cells.read(key).await.unwrap()?;
    Some(String::from_utf8(cell.value.to_vec()).unwrap())
}

async fn one_swap_of_many_wins(cells: &dyn Cells) {
    assert_eq!(value(cells, "race/1").await, None);
    one_wins(cells, "race/1").await;
    // Where one was, and is gone, too.
    let gone = put(cells, "race/2", None, "gone").await;
    assert!(cells.remove("race/2", &gone).await.unwrap());
    one_wins(cells, "race/2").await;
}

async fn one_wins(cells: &dyn Cells, key: &str) {
    let tries = (0..20).map(|n| cells.swap(key, None, format!("by {n}").into()));
    let tried = join_all(tries).await;
    let mut won = Vec::new();
    for (n, swapped) in tried.into_iter().enumerate() {
        match swapped.unwrap() {
            Swapped::Done(_) => won.push(format!("by {n}")),
            Swapped::Lost(there) => assert!(there.unwrap().value.starts_with(b"by ")),
        }
    }
    assert_eq!(won.len(), 1);
    assert_eq!(value(cells, key).await.as_ref(), won.first());
}

async fn a_revision_that_is_past_changes_nothing(cells: &dyn Cells) {
    let first = put(cells, "past", None, "one").await;
    let second = put(cells, "past", Some(&first), "two").await;
    // Even the same value is another revision.
    let third = put(cells, "past", Some(&second), "two").await;
    for seen in [Some(&first), Some(&second), None] {
        match cells.swap("past", seen, "three".into()).await.unwrap() {
            Swapped::Lost(Some(there)) => {
                assert_eq!(there.value, "two");
                assert_eq!(there.revision, third);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(!cells.remove("past", &first).await.unwrap());
    assert_eq!(value(cells, "past").await.unwrap(), "two");
}

async fn a_cell_that_is_gone_can_be_made_again(cells: &dyn Cells) {
    let first = put(cells, "gone", None, "one").await;
    assert!(cells.remove("gone", &first).await.unwrap());
    assert_eq!(value(cells, "gone").await, None);
    assert!(!cells.remove("gone", &first).await.unwrap());
    let lost = cells.swap("gone", Some(&first), "x".into()).await.unwrap();
    assert_eq!(lost, Swapped::Lost(None));
    let second = put(cells, "gone", None, "two").await;
    assert_ne!(second, first);
    assert_eq!(value(cells, "gone").await.unwrap(), "two");
}

async fn a_prefix_lists_what_begins_so(cells: &dyn Cells) {
    for key in ["list/b/2", "list/a", "list/b/10", "list/bc", "lisu"] {
        put(cells, key, None, key).await;
    }
    let listed = async |prefix| {
        let listed = cells.list(prefix).await.unwrap();
        for (key, cell) in &listed {
            assert_eq!(cell.value, key);
        }
        listed.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
    };
    assert_eq!(listed("list/b").await, ["list/b/10", "list/b/2", "list/bc"]);
    assert_eq!(listed("list/b/").await, ["list/b/10", "list/b/2"]);
    assert_eq!(listed("nothing").await, [""; 0]);
}
