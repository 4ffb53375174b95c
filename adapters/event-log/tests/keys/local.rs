//! The file beside the log.

use std::sync::Arc;
use std::thread;

use rapport_domain::id::TenantId;
use rapport_domain::port::keys::{KeyState, Keys as _};
use rapport_domain::testing::keys_contract::{customer, opening, sealing};
use rapport_domain::testing::{block_on, join_all};
use rapport_domain::time::Timestamp;
use rapport_event_log::keys::{KeysOpenError, LocalKeys};

use super::{assert_private, files, is_anywhere, kept, master};

mod plain {
    use super::*;
    rapport_domain::keys_contract_tests!(kept(|folder| LocalKeys::open(folder, None).unwrap()));
}

mod wrapped {
    use super::*;
    rapport_domain::keys_contract_tests!(kept(|folder| {
        LocalKeys::open(folder, Some(master('m'))).unwrap()
    }));
}

#[test]
fn keys_and_destroyed_ones_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let keys = LocalKeys::open(folder.path(), None).unwrap();
    let key = block_on(sealing(&keys, 1));
    let at = Timestamp::from_millis(5);
    block_on(keys.destroy(customer(2), at)).unwrap();
    drop(keys);
    let keys = LocalKeys::open(folder.path(), None).unwrap();
    assert_eq!(block_on(opening(&keys, 1)), KeyState::Present(key));
    assert_eq!(block_on(opening(&keys, 2)), KeyState::Destroyed { at });
    assert_private(folder.path());
}

#[test]
fn no_byte_of_a_destroyed_key_is_left_in_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let keys = LocalKeys::open(folder.path(), None).unwrap();
    let mut made = Vec::new();
    for number in 0..200 {
        made.push(block_on(sealing(&keys, number)));
    }
    assert!(
        is_anywhere(folder.path(), &made[7]),
        "the search finds nothing"
    );
    block_on(keys.destroy(customer(7), Timestamp::default())).unwrap();
    assert!(!is_anywhere(folder.path(), &made[7]));
    assert!(is_anywhere(folder.path(), &made[8]));
}

#[test]
fn keys_are_wrapped_once_a_master_key_is_given_and_open_with_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keys = LocalKeys::open(folder.path(), None).unwrap();
    let (old, gone) = (block_on(sealing(&keys, 1)), block_on(sealing(&keys, 2)));
    block_on(keys.destroy(customer(2), Timestamp::default())).unwrap();
    assert!(is_anywhere(folder.path(), &old));
    drop(keys);
    let keys = LocalKeys::open(folder.path(), Some(master('m'))).unwrap();
    let new = block_on(sealing(&keys, 3));
    assert_eq!(block_on(opening(&keys, 1)), KeyState::Present(old.clone()));
    assert!(matches!(
        block_on(opening(&keys, 2)),
        KeyState::Destroyed { .. }
    ));
    for key in [&old, &new, &gone] {
        assert!(!is_anywhere(folder.path(), key));
    }
    drop(keys);
    let without = LocalKeys::open(folder.path(), None).err();
    assert!(
        matches!(without, Some(KeysOpenError::Wrapped { .. })),
        "{without:?}"
    );
    let other = LocalKeys::open(folder.path(), Some(master('o'))).err();
    assert!(
        matches!(other, Some(KeysOpenError::OtherMaster { .. })),
        "{other:?}"
    );
}

#[test]
fn a_copy_made_beside_the_store_holds_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let keys = LocalKeys::open(folder.path(), None).unwrap();
    let key = block_on(sealing(&keys, 1));
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("keys.db");
    block_on(keys.back_up(&copy)).unwrap();
    assert_private(elsewhere.path());
    assert!(
        block_on(keys.back_up(&copy)).is_err(),
        "it would be overwritten"
    );
    let restored = LocalKeys::open(elsewhere.path(), None).unwrap();
    assert_eq!(block_on(opening(&restored, 1)), KeyState::Present(key));
}

#[test]
fn something_else_is_not_taken_for_keys() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.db");
    std::fs::write(&file, "no keys at all, but a text of some length").unwrap();
    assert!(LocalKeys::open(folder.path(), None).is_err());
    let left = std::fs::read_to_string(&file).unwrap();
    assert_eq!(left, "no keys at all, but a text of some length");
}

#[test]
fn two_that_open_one_new_folder_at_once_make_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<_> = thread::scope(|scope| {
        let racing: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let keys = LocalKeys::open(folder.path(), None).unwrap();
                    let each = (0..50).map(|number| sealing(&keys, number));
                    block_on(join_all(each))
                })
            })
            .collect();
        racing.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(made.iter().all(|keys| *keys == made[0]));
}

#[test]
fn many_new_customers_at_once_share_their_syncs() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Arc::new(LocalKeys::open(folder.path(), None).unwrap());
    let made = block_on(join_all((0..3_000).map(|number| sealing(&*keys, number))));
    assert_eq!(made.len(), 3_000);
    assert!(files(folder.path()).len() <= 3);
    assert_eq!(
        block_on(opening(&*keys, 2_999)),
        KeyState::Present(made[2_999].clone())
    );
}

#[test]
fn whoever_only_looks_makes_no_file_and_finds_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("data");
    for place in [folder.path(), &missing] {
        let keys = LocalKeys::open_read_only(place, None).unwrap();
        assert_eq!(block_on(opening(&keys, 1)), KeyState::Absent);
        let tenant = TenantId::named("contract");
        assert!(block_on(keys.key_for_sealing(tenant, customer(1))).is_err());
        assert!(block_on(keys.destroy(customer(1), Timestamp::default())).is_err());
        assert!(block_on(keys.back_up(&folder.path().join("copy"))).is_err());
    }
    assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());
    assert!(!missing.exists());
}

#[test]
fn whoever_only_looks_sees_keys_as_they_come_and_go_and_changes_none() {
    let folder = tempfile::tempdir().unwrap();
    let keys = LocalKeys::open(folder.path(), None).unwrap();
    let key = block_on(sealing(&keys, 1));
    let looking = LocalKeys::open_read_only(folder.path(), None).unwrap();
    assert_eq!(
        block_on(opening(&looking, 1)),
        KeyState::Present(key.clone())
    );
    let later = block_on(sealing(&keys, 2));
    assert_eq!(block_on(opening(&looking, 2)), KeyState::Present(later));
    let tenant = TenantId::named("contract");
    assert!(block_on(looking.key_for_sealing(tenant, customer(3))).is_err());
    assert!(block_on(looking.destroy(customer(1), Timestamp::default())).is_err());
    assert_eq!(block_on(opening(&keys, 1)), KeyState::Present(key.clone()));
    assert_eq!(block_on(opening(&keys, 3)), KeyState::Absent);
    // A copy needs no more than looking, and a master key that was given since wraps nothing.
    block_on(looking.back_up(&folder.path().join("copy.db"))).unwrap();
    drop((keys, looking));
    let looking = LocalKeys::open_read_only(folder.path(), Some(master('m'))).unwrap();
    assert_eq!(block_on(opening(&looking, 1)), KeyState::Present(key));
    drop(looking);
    assert!(LocalKeys::open(folder.path(), None).is_ok());
    // What is wrapped is as closed to looking as to anything else.
    drop(LocalKeys::open(folder.path(), Some(master('m'))).unwrap());
    let without = LocalKeys::open_read_only(folder.path(), None).err();
    assert!(matches!(without, Some(KeysOpenError::Wrapped { .. })));
    let other = LocalKeys::open_read_only(folder.path(), Some(master('o'))).err();
    assert!(matches!(other, Some(KeysOpenError::OtherMaster { .. })));
}
