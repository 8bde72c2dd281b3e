//! What the office refused: its author is told until they have said that they saw it.

use xuncheng_core::field::FieldError;
use xuncheng_core::id::EntryId;
use xuncheng_core::journal::entry::Change;
use xuncheng_core::journal::verdict::{Code, Verdict};
use xuncheng_core::limits;
use xuncheng_core::store::judgements::{self, Judged, Proof};
use xuncheng_core::work::case::CaseStep;
use xuncheng_tests::network::Fault;
use xuncheng_tests::phone::Phone;
use xuncheng_tests::seed;
use xuncheng_tests::world::World;

/// The entries that the status shows as refused, and how many more there are.
fn shown(phone: &Phone) -> (Vec<EntryId>, u64) {
    let status = phone.field().status().unwrap();
    (status.refused.iter().map(|refused| refused.entry).collect(), status.refused_more)
}

/// A withdrawal that came too late is said until it is acknowledged; the case's story keeps it for good.
#[test]
fn a_rejected_step_is_said_until_it_is_acknowledged() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let case = li.capture("component/01001").summary.id;
    world.network(&li).next(&[Fault::LoseAnswer]);
    li.sync().unwrap_err();
    world.office().step("zhang", case, CaseStep::File, &[]).unwrap();
    li.withdraw(case).unwrap();
    li.sync_whatever_happens();
    let (refused, more) = shown(&li);
    let [withdrawal] = refused[..] else { panic!("the withdrawal, and nothing else: {refused:?}") };
    assert_eq!(more, 0);

    li.field_mut().acknowledge(withdrawal).unwrap();
    li.field_mut().acknowledge(withdrawal).expect("once more is no error");
    li.kill_and_restart();
    li.sync().unwrap();
    assert_eq!(shown(&li), (Vec::new(), 0));
    let story = li.case(case).entries;
    let told = story.iter().find(|entry| entry.id == withdrawal).and_then(|entry| entry.verdict.clone());
    assert!(matches!(told, Some(Verdict::Rejected { .. })), "{told:?}");
    assert_eq!(li.field().find_refused(&withdrawal.to_string()[..8]).unwrap(), withdrawal);
    world.check_invariants();
}

/// What was not refused, what another wrote and what is not there cannot be acknowledged, and the error says so.
#[test]
fn only_what_was_refused_here_is_acknowledged() {
    let world = World::new(seed!());
    let mut li = world.enrolled("li");
    let mut chen = world.enrolled("chen");
    let applied = li.capture("matter/09006").entries[0].id;
    // 陈师傅 handles; reporting is not hers.
    chen.capture("matter/09006");
    li.sync().unwrap();
    chen.sync().unwrap();
    let of_chen = shown(&chen).0[0];
    for entry in [applied, of_chen, EntryId::from_bytes([7; 16])] {
        let error = li.field_mut().acknowledge(entry).unwrap_err();
        assert!(matches!(&error, FieldError::NotRefused(text) if *text == entry.to_string()), "{error}");
    }
    for text in ["", "abc", &of_chen.to_string()[..8]] {
        assert!(matches!(li.field().find_refused(text), Err(FieldError::NotRefused(_))), "{text:?}");
    }
    assert_eq!(shown(&chen).0.len(), 2, "nor did that touch anything of hers");
}

/// A held entry that was acknowledged comes back when the office decides about it anew and refuses it again.
#[test]
fn another_judgement_ends_an_acknowledgement() {
    let world = World::new(seed!());
    let mut chen = world.enrolled("chen");
    chen.capture("matter/09006");
    chen.sync().unwrap();
    let (held, _) = shown(&chen);
    for entry in &held {
        chen.field_mut().acknowledge(*entry).unwrap();
    }
    let entry = held[0];
    let before = judgements::get(chen.field().store(), entry).unwrap().unwrap();
    learn(&mut chen, &before);
    assert_eq!(shown(&chen).0, [], "the same judgement once more, on another page, is none");
    let mut judgement = before.judgement.clone();
    judgement.verdict = Verdict::Rejected { code: Code::NotAllowed, after: None };
    let dismissed = Judged { text: serde_json::to_string(&judgement).unwrap(), judgement };
    learn(&mut chen, &dismissed);
    assert_eq!(shown(&chen).0, [entry]);
    chen.field_mut().acknowledge(entry).unwrap();
    let mut judgement = before.judgement;
    judgement.verdict = Verdict::Applied;
    let released = Judged { text: serde_json::to_string(&judgement).unwrap(), judgement };
    learn(&mut chen, &released);
    assert_eq!(shown(&chen).0, []);
    assert!(matches!(chen.field_mut().acknowledge(entry), Err(FieldError::NotRefused(_))));
}

/// What a page does with a judgement that it brings, as it will when the office can release and dismiss.
fn learn(phone: &mut Phone, judged: &Judged) {
    let entry = judged.judgement.entry;
    let tx = phone.field().store().unchecked_transaction().unwrap();
    let proven = judgements::proven(&tx).unwrap().into_iter().find(|proven| proven.entry == entry).unwrap();
    let item = xuncheng_core::store::entries::item_of(&tx, entry).unwrap().unwrap();
    let attestation = serde_json::to_string(&proven.attestation).unwrap();
    let proof = Proof { attestation: &attestation, path: proven.path.clone(), header: None, request: 1 };
    judgements::learn(&tx, item, judged, &proof).unwrap();
    tx.commit().unwrap();
}

/// A status shows no more than a person reads, the oldest first, and says how many more there are.
#[test]
fn a_status_shows_so_many_refusals_and_counts_the_others() {
    let world = World::new(seed!());
    let mut chen = world.enrolled("chen");
    let case = chen.capture("matter/09006").summary.id;
    let mut written: Vec<EntryId> = chen.case(case).entries.iter().map(|entry| entry.id).collect();
    while written.len() < limits::REFUSED_SHOWN + 3 {
        written.push(chen.write(case, "case", Change::Comment { text: "还在这里".to_owned() }));
    }
    chen.sync().unwrap();
    let (first, rest) = written.split_at(limits::REFUSED_SHOWN);
    assert_eq!(shown(&chen), (first.to_vec(), 3));
    for entry in first {
        chen.field_mut().acknowledge(*entry).unwrap();
    }
    assert_eq!(shown(&chen), (rest.to_vec(), 0));
}
