//! What every [`Keys`] promises, as one suite that every store of keys passes.
//!
//! Each promise is a function of a store that holds no key of the customers named here.

use uuid::Uuid;

use crate::id::{CustomerId, TenantId};
use crate::port::keys::{CustomerKey, KeyState, Keys};
use crate::testing::join_all;
use crate::time::Timestamp;

/// One `#[test]` per promise; the argument is an expression that makes a fresh store (anything that dereferences to a
/// [`Keys`], kept alive until the promise was checked).
#[macro_export]
macro_rules! keys_contract_tests {
    ($make:expr) => {
        $crate::keys_contract_tests! { $make;
            a_key_once_made_is_found_again
            asking_to_open_makes_no_key
            no_two_customers_share_a_key
            keys_come_in_the_order_asked
            callers_at_once_get_the_same_key
            a_destroyed_key_is_never_made_again
            destroying_again_keeps_the_first_moment
            a_customer_without_a_key_can_be_destroyed_too
            destroying_one_leaves_the_others
            making_and_destroying_at_once_leaves_no_key
        }
    };
    ($make:expr; $($promise:ident)+) => {
        $(#[test]
        fn $promise() {
            let keys = $make;
            $crate::testing::block_on($crate::testing::keys_contract::$promise(&*keys));
        })+
    };
}

/// A customer for tests, one per number.
#[must_use]
pub fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834),
    ))
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_262_400_000 + seconds * 1_000)
}

/// The key to seal with, made when there is none.
///
/// # Panics
/// When there is none to be had.
pub async fn sealing(keys: &dyn Keys, number: u128) -> CustomerKey {
    let state = keys
        .key_for_sealing(TenantId::named("contract"), customer(number))
        .await
        .expect("the store answers");
    match state {
        KeyState::Present(key) => key,
        other => panic!("no key for a new customer: {other:?}"),
    }
}

/// What is known of a customer's key.
///
/// # Panics
/// When the store does not answer.
pub async fn opening(keys: &dyn Keys, number: u128) -> KeyState {
    keys.keys_for_opening(vec![customer(number)])
        .await
        .expect("the store answers")
        .remove(0)
}

/// The key that was made first is the customer's for sealing and for opening.
pub async fn a_key_once_made_is_found_again(keys: &dyn Keys) {
    let key = sealing(keys, 1).await;
    assert_eq!(sealing(keys, 1).await, key);
    assert_eq!(opening(keys, 1).await, KeyState::Present(key));
}

/// Reading never makes a key.
pub async fn asking_to_open_makes_no_key(keys: &dyn Keys) {
    assert_eq!(opening(keys, 1).await, KeyState::Absent);
    assert_eq!(opening(keys, 1).await, KeyState::Absent);
    assert_eq!(keys.keys_for_opening(vec![]).await, Ok(vec![]));
}

/// Keys are random: none is like another, and none is empty.
pub async fn no_two_customers_share_a_key(keys: &dyn Keys) {
    let mut made = Vec::new();
    for number in 0..50 {
        let key = sealing(keys, number).await;
        assert_ne!(key.expose(), &[0; 32]);
        assert!(!made.contains(&key));
        made.push(key);
    }
}

/// One answer per customer asked for, in that order, also when one is asked for twice.
pub async fn keys_come_in_the_order_asked(keys: &dyn Keys) {
    let (one, two) = (sealing(keys, 1).await, sealing(keys, 2).await);
    let asked = [2, 7, 1, 2].map(customer).to_vec();
    assert_eq!(
        keys.keys_for_opening(asked).await,
        Ok(vec![
            KeyState::Present(two.clone()),
            KeyState::Absent,
            KeyState::Present(one),
            KeyState::Present(two),
        ])
    );
    let many: Vec<CustomerId> = (0..2_000).map(|number| customer(number % 3)).collect();
    let answers = keys.keys_for_opening(many).await.expect("many at once");
    assert_eq!(answers.len(), 2_000);
    assert_eq!(answers[1_999], opening(keys, 1_999 % 3).await);
}

/// Whoever asks first makes the key; everybody gets that one.
pub async fn callers_at_once_get_the_same_key(keys: &dyn Keys) {
    let asked = (0..16).map(|_| sealing(keys, 1));
    let got: Vec<CustomerKey> = join_all(asked).await;
    assert!(got.iter().all(|key| *key == got[0]));
    assert_eq!(opening(keys, 1).await, KeyState::Present(got[0].clone()));
}

/// Destroyed is for good: neither sealing nor opening brings a key back.
pub async fn a_destroyed_key_is_never_made_again(keys: &dyn Keys) {
    sealing(keys, 1).await;
    keys.destroy(customer(1), moment(1))
        .await
        .expect("destroyed");
    let gone = KeyState::Destroyed { at: moment(1) };
    assert_eq!(opening(keys, 1).await, gone);
    let tenant = TenantId::named("contract");
    assert_eq!(
        keys.key_for_sealing(tenant, customer(1)).await,
        Ok(gone.clone())
    );
    assert_eq!(opening(keys, 1).await, gone);
}

/// Repeating it is success and says nothing new.
pub async fn destroying_again_keeps_the_first_moment(keys: &dyn Keys) {
    sealing(keys, 1).await;
    for second in [1, 2, 3] {
        assert_eq!(keys.destroy(customer(1), moment(second)).await, Ok(()));
    }
    assert_eq!(
        opening(keys, 1).await,
        KeyState::Destroyed { at: moment(1) }
    );
}

/// Nobody may make a key for somebody who was forgotten before one was needed.
pub async fn a_customer_without_a_key_can_be_destroyed_too(keys: &dyn Keys) {
    assert_eq!(keys.destroy(customer(1), moment(1)).await, Ok(()));
    let gone = KeyState::Destroyed { at: moment(1) };
    let tenant = TenantId::named("contract");
    assert_eq!(
        keys.key_for_sealing(tenant, customer(1)).await,
        Ok(gone.clone())
    );
    assert_eq!(opening(keys, 1).await, gone);
}

/// Only the one named is destroyed.
pub async fn destroying_one_leaves_the_others(keys: &dyn Keys) {
    let mut made = Vec::new();
    for number in 0..20 {
        made.push(sealing(keys, number).await);
    }
    keys.destroy(customer(7), moment(1))
        .await
        .expect("destroyed");
    for (number, key) in (0..).zip(made).filter(|(number, _)| *number != 7) {
        assert_eq!(opening(keys, number).await, KeyState::Present(key));
    }
}

/// In whatever order the two meet, no key is left afterwards.
pub async fn making_and_destroying_at_once_leaves_no_key(keys: &dyn Keys) {
    for number in 0..20 {
        let make = async {
            let tenant = TenantId::named("contract");
            keys.key_for_sealing(tenant, customer(number))
                .await
                .map(|_| ())
        };
        let both: Vec<crate::port::BoxFuture<'_, _>> =
            vec![Box::pin(make), keys.destroy(customer(number), moment(1))];
        for answer in join_all(both).await {
            assert_eq!(answer, Ok(()));
        }
        assert_eq!(
            opening(keys, number).await,
            KeyState::Destroyed { at: moment(1) }
        );
    }
}
