//! What is typed wrong, and addresses that are not for calling.

use aftercare::command::{FeedAdd, FeedsCommand, Format, run_feeds};
use kit::{app::TestApp, feeds::Stranger, identity_provider::MAY_CALL, on_both};

use super::{add, guide, list, may_call, near};

async fn refused(app: &TestApp, url: &str, zone: Option<&str>) -> String {
    let new = FeedAdd { url: url.to_owned(), format: Format::Ics, time_zone: zone.map(str::to_owned) };
    run_feeds(app, FeedsCommand::Add(new)).await.unwrap_err().to_string()
}

on_both! {
    async fn what_is_typed_wrong_is_refused_and_nothing_is_taken_in(db: TestDatabase) {
        let app = TestApp::start(db).await;
        let cases = [
            ("", "address of the web"),
            ("example.org/feed", "address of the web"),
            ("/feed", "address of the web"),
            ("https://", "address of the web"),
            ("http://example.org/feed", "not an https address"),
            ("ftp://example.org/feed", "not an https address"),
            ("file:///etc/passwd", "not an https address"),
            ("webcal://example.org/feed", "not an https address"),
            ("data:text/calendar,x", "not an https address"),
            ("https://user@example.org/feed", "without user and password"),
            ("https://user:password@example.org/feed", "without user and password"),
            ("https://127.0.0.1/feed", "not on the public internet"),
            ("https://0x7f.1/feed", "not on the public internet"),
            ("https://[::1]/feed", "not on the public internet"),
            ("https://10.0.0.1/feed", "not on the public internet"),
            ("https://169.254.169.254/latest/meta-data", "not on the public internet"),
        ];
        for (url, sentence) in cases {
            let said = refused(&app, url, None).await;
            assert!(said.contains(sentence), "{url}: {said}");
        }
        for zone in ["Mars/Olympus", "+02:00", ""] {
            let said = refused(&app, "https://example.org/feed", Some(zone)).await;
            assert!(said.contains("IANA"), "{zone}: {said}");
        }
        for (id, sentence) in [("", "fed_"), ("fed_x", "fed_"), ("org_00000000000000000000000000", "fed_"), ("fed_00000000000000000000000000", "feeds list")] {
            let said = run_feeds(&app, FeedsCommand::Remove { id: id.to_owned() }).await.unwrap_err().to_string();
            assert!(said.contains(sentence), "{id}: {said}");
        }
        assert_eq!(list(&app).await, Vec::<String>::new());
        assert_eq!(app.database.count("FROM event").await + app.database.count("FROM timer").await, 0);
    }

    async fn one_feed_is_taken_in_once(db: TestDatabase) {
        let app = TestApp::start(db).await;
        add(&app, "https://example.org/feed", Format::Ics).await;
        for url in ["https://example.org/feed", "https://EXAMPLE.org:443/feed#top", " https://example.org/a/../feed "] {
            let said = refused(&app, url, None).await;
            assert!(said.contains("taken in already"), "{url}: {said}");
        }
        let lines = list(&app).await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].ends_with("  ics  https://example.org/feed  read never, 0 meetings, well"), "{lines:?}");
    }

    async fn a_name_that_leads_inside_is_not_called(db: TestDatabase) {
        let app = TestApp::start_with(db, &[MAY_CALL[1]]).await;
        let server = Stranger::saying(guide(&[("tuesday", 2, "18:30")]));
        let inside = server.url.replace("127.0.0.1", "localhost");

        add(&app, &inside, Format::MeetingGuide).await;
        app.fire_timers().await;

        assert_eq!(server.calls(), []);
        assert!(list(&app).await[0].contains("read never, 0 meetings, NOT_ALLOWED: "), "{:?}", list(&app).await);
        assert!(near(&app).await.is_empty());
    }

    async fn two_who_work_timers_off_read_a_feed_once(db: TestDatabase) {
        let app = may_call(db).await;
        let server = Stranger::saying(guide(&[("tuesday", 2, "18:30")]));
        server.says(|said| said.waits_ms = 300);
        add(&app, &server.url, Format::MeetingGuide).await;

        let (one, two) = futures_util::future::join(app.fire_timers(), app.fire_timers()).await;

        assert_eq!((server.calls().len(), one + two >= 1), (1, true), "whoever does not have it does something else meanwhile");
        assert_eq!(near(&app).await.len(), 1);
    }
}
