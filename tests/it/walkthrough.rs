//! The README's walk-through, read out of it and run as it stands.

use std::path::Path;

use kit::{on_both, program::Installation};

const README: &str = include_str!("../../README.md");

/// The `sh` blocks of a section of the README, one after the other.
fn lines_of(section: &str) -> String {
    let rest = README.split_once(&format!("\n## {section}\n")).expect("the README has the section").1;
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    section.split("```sh\n").skip(1).map(|block| block.split_once("```").expect("a block ends").0).collect()
}

/// What was heard, by its steps.
fn heard(folder: &Path) -> Vec<String> {
    let heard = std::fs::read_to_string(folder.join("heard")).unwrap();
    let steps = heard.split("\"to\":\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    steps.collect()
}

on_both! {
    async fn it_does_what_the_readme_says(db: TestDatabase) {
        let place = Installation::over(db);
        place.run(&["demo", "load", "--clients", "4"]);
        let _server = place.serve().await;
        let folder = tempfile::tempdir().unwrap();

        let said = place.script(&lines_of("Walk through"), folder.path());

        assert_eq!(heard(folder.path()), ["DRAFT", "SUBMITTED", "ACCEPTED", "ASSIGNED", "CONNECTED"], "{said}");
        assert!(!said.contains("\"message\""), "nothing is refused: {said}");
        let cedar = std::fs::read_to_string(folder.path().join("cedar")).unwrap();
        assert!(cedar.starts_with(r#"{"data":{"referral":null}"#) && !cedar.contains("rrors"), "{cedar}");
        let last = said.rsplit('\n').find(|line| !line.is_empty()).unwrap();
        assert!(said.contains(r#""status":"REVOKED""#) && said.contains(r#""status":"COMPLETED""#), "{said}");
        assert!(said.contains("nothing more was heard"), "{said}");
        assert_eq!(last.matches("startsAt").count(), 3, "{said}");
    }
}
