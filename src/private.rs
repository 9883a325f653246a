//! Files that hold a secret: only their owner may read them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use zeroize::Zeroizing;

/// Longer than any secret.
const MOST_AT_FIRST: usize = 1 << 20;

/// The text of a file that holds a secret; nothing of it is left in memory once
/// it is dropped.
///
/// # Errors
/// When it cannot be read, or is no text; on Unix also when its group or
/// others may read, write or run it.
pub(crate) fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let shown = path.display();
    let cannot = || format!("{shown} cannot be read");
    let mut file = File::open(path).with_context(cannot)?;
    if let Some(mode) = open_to_others(&file).with_context(cannot)? {
        anyhow::bail!(
            "others can read {shown}, which holds a secret (its mode is {mode:o}): chmod 600 {shown}"
        );
    }
    // With all its room, lest it leave copies where it grew.
    let length = file.metadata().with_context(cannot)?.len();
    let room = usize::try_from(length)
        .unwrap_or_default()
        .min(MOST_AT_FIRST);
    let mut text = Zeroizing::new(String::with_capacity(room + 1));
    file.read_to_string(&mut text).with_context(cannot)?;
    Ok(text)
}

/// The mode, where it lets others in. It is that of the opened file, so that
/// no other can take its place in between.
#[cfg(unix)]
fn open_to_others(file: &File) -> std::io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(not(unix))]
fn open_to_others(_: &File) -> std::io::Result<Option<u32>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_a_file_of_its_owner_alone_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "s3cret\n").unwrap();
        for mode in [0o644, 0o640, 0o602, 0o610] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = format!("{:#}", read(&path).unwrap_err());
            let shown = path.display();
            assert_eq!(
                refused,
                format!(
                    "others can read {shown}, which holds a secret (its mode is {mode:o}): chmod 600 {shown}"
                )
            );
        }
        for mode in [0o600, 0o400] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).unwrap().as_str(), "s3cret\n");
        }
        let nowhere = format!("{:#}", read(&folder.path().join("none")).unwrap_err());
        assert!(nowhere.contains("none cannot be read: "), "{nowhere}");
    }
}
