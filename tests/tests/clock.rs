//! What a process wrote down while its clock was ahead stands in nobody's way once clocks are right again.

use lotse_tests::{
    Database, World,
    federation::{LATER, Station, federated},
    on_both, wait_for,
};

on_both!(publishing_following_and_sign_in_go_on_after_a_clock_that_was_ahead);

fn publishing_following_and_sign_in_go_on_after_a_clock_that_was_ahead(database: Database) {
    for days in ["1", "366"] {
        let ahead = |database| {
            federated(database)
                .with("PEER_POLL_SECONDS", "1")
                .with("DAYS_AHEAD", days)
        };
        let mut a = World::on(ahead(database));
        let mut b = Station::start(ahead(database));
        b.at().follow(a.at());
        let _ = a.create("offer");
        b.at().wait_until_same(a.at(), LATER);
        // At once, so that each leaves its work to nobody.
        a.node.kill();
        b.node.kill();
        for node in [&mut a.node, &mut b.node] {
            node.set("DAYS_AHEAD", "0");
            node.restart();
        }
        // A session that was made in the future does not live for a year longer.
        let _ = a.node_admin.get(&a.node, "/api/v1/me").expect(401);
        a.node_admin = a.node_admin.again(&a.node);
        a.coordinator = a.coordinator.again(&a.node);
        b.sign_in();
        let offer = a.create("offer");
        wait_for("what is written now arrives", LATER, || {
            b.at().entries(&a.node).contains_key(&offer).then_some(())
        });
        b.at().wait_until_same(a.at(), LATER);
        b.at().verify(&a.node);
    }
}
