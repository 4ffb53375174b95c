//! The folder that nodes share.

use std::fs;
use std::thread;

use rapport_domain::id::TenantId;
use rapport_domain::port::keys::{KeyState, Keys as _};
use rapport_domain::testing::keys_contract::{customer, opening, sealing};
use rapport_domain::testing::{block_on, join_all};
use rapport_domain::time::Timestamp;
use rapport_event_log::keys::{KeysOpenError, SharedKeys};

use super::{assert_private, files, is_anywhere, kept, master};

rapport_domain::keys_contract_tests!(kept(|folder| {
    SharedKeys::open(folder, master('m')).unwrap()
}));

#[test]
fn nodes_that_race_for_the_same_keys_end_up_with_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<_> = thread::scope(|scope| {
        let racing: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let keys = SharedKeys::open(folder.path(), master('m')).unwrap();
                    let each = (0..50).map(|number| sealing(&keys, number));
                    block_on(join_all(each))
                })
            })
            .collect();
        racing.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(made.iter().all(|keys| *keys == made[0]));
    // One file a customer and the proof: nothing is left of those who lost.
    assert_eq!(files(folder.path()).len(), 51);
    assert_private(folder.path());
}

#[test]
fn what_one_node_destroys_is_gone_for_the_other_and_from_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let one = SharedKeys::open(folder.path(), master('m')).unwrap();
    let two = SharedKeys::open(folder.path(), master('m')).unwrap();
    let key = block_on(sealing(&one, 1));
    assert_eq!(block_on(opening(&two, 1)), KeyState::Present(key.clone()));
    let wrapped: Vec<_> = files(folder.path())
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "key"))
        .collect();
    let before = fs::read(&wrapped[0]).unwrap();
    let at = Timestamp::from_millis(5);
    block_on(two.destroy(customer(1), at)).unwrap();
    assert_eq!(block_on(opening(&one, 1)), KeyState::Destroyed { at });
    let after = fs::read(&wrapped[0]).unwrap();
    assert_eq!(after.len(), before.len());
    assert!(
        !after
            .windows(8)
            .any(|part| before.windows(8).any(|of| of == part && of != [0; 8]))
    );
    assert!(!is_anywhere(folder.path(), &key));
}

#[test]
fn a_copy_of_the_folder_opens_nothing_without_the_master_key() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SharedKeys::open(folder.path(), master('m')).unwrap();
    let key = block_on(sealing(&keys, 1));
    assert!(!is_anywhere(folder.path(), &key));
    let other = SharedKeys::open(folder.path(), master('o')).err();
    assert!(
        matches!(other, Some(KeysOpenError::OtherMaster { .. })),
        "{other:?}"
    );
}

#[test]
fn a_folder_that_is_not_mounted_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("mount");
    assert!(SharedKeys::open(&missing, master('m')).is_err());
    assert!(!missing.exists());
}

#[test]
fn a_damaged_key_is_an_error_and_not_a_missing_one() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SharedKeys::open(folder.path(), master('m')).unwrap();
    block_on(sealing(&keys, 1));
    for path in files(folder.path()) {
        if path.extension().is_some_and(|end| end == "key") {
            fs::write(&path, "").unwrap();
        }
    }
    assert!(block_on(keys.keys_for_opening(vec![customer(1)])).is_err());
    block_on(keys.destroy(customer(1), Timestamp::default())).unwrap();
    assert!(matches!(
        block_on(opening(&keys, 1)),
        KeyState::Destroyed { .. }
    ));
}

#[test]
fn whoever_only_looks_changes_nothing_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let looking = SharedKeys::open_read_only(folder.path(), master('m')).unwrap();
    assert_eq!(block_on(opening(&looking, 1)), KeyState::Absent);
    assert!(SharedKeys::open_read_only(&folder.path().join("mount"), master('m')).is_err());
    let tenant = TenantId::named("contract");
    assert!(block_on(looking.key_for_sealing(tenant, customer(1))).is_err());
    assert!(block_on(looking.destroy(customer(1), Timestamp::default())).is_err());
    assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());

    let keys = SharedKeys::open(folder.path(), master('m')).unwrap();
    let key = block_on(sealing(&keys, 1));
    assert_eq!(
        block_on(opening(&looking, 1)),
        KeyState::Present(key.clone())
    );
    assert!(block_on(looking.destroy(customer(1), Timestamp::default())).is_err());
    assert_eq!(block_on(opening(&keys, 1)), KeyState::Present(key));
    let other = SharedKeys::open_read_only(folder.path(), master('o')).err();
    assert!(matches!(other, Some(KeysOpenError::OtherMaster { .. })));
}

#[test]
fn a_file_is_told_to_hold_a_key_until_it_is_destroyed_wherever_it_was_copied() {
    let folder = tempfile::tempdir().unwrap();
    let keys = SharedKeys::open(folder.path(), master('m')).unwrap();
    block_on(sealing(&keys, 1));
    block_on(sealing(&keys, 2));
    let holding = |number| {
        let held =
            |path: &std::path::PathBuf| SharedKeys::holds_key_of(path, customer(number)).unwrap();
        files(folder.path()).into_iter().filter(held).count()
    };
    assert_eq!((holding(1), holding(2), holding(3)), (1, 1, 0));
    let key = |path: &std::path::PathBuf| SharedKeys::holds_key_of(path, customer(1)).unwrap();
    let file = files(folder.path()).into_iter().find(key).unwrap();
    let copy = folder.path().join("old");
    fs::create_dir(&copy).unwrap();
    fs::copy(&file, copy.join(file.file_name().unwrap())).unwrap();
    block_on(keys.destroy(customer(1), Timestamp::default())).unwrap();
    assert_eq!((holding(1), holding(2)), (1, 1), "the copy");
}
