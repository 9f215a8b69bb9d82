//! Reads the sources and says so when a rule of the house is broken, with the reason (ARCHITECTURE.md, "Who may know whom").

use std::{fs, path::Path};

/// Words that some folders must not say.
struct Rule {
    /// Where it holds: folders and files, from the root.
    within: &'static [&'static str],
    /// Where it does not, although it is inside.
    except: &'static [&'static str],
    /// What must not stand there: whole words and paths.
    words: &'static [&'static str],
    reason: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        within: &["api/src/domain/"],
        except: &[],
        words: &["async_graphql", "actix_web", "actix_http", "crate::graphql", "crate::http", "crate::fhir", "crate::readers"],
        reason: "domain holds the rules and knows neither GraphQL nor HTTP nor who calls it",
    },
    Rule {
        within: &["api/src/graphql/"],
        except: &[],
        words: &[
            "EntityTrait",
            "QueryFilter",
            "QuerySelect",
            "QueryOrder",
            "QueryTrait",
            "CursorTrait",
            "PaginatorTrait",
            "ConnectionTrait",
            "ActiveModelTrait",
            "Statement",
            "sea_query",
            "sea_orm::prelude",
            "sea_orm::entity",
            "sqlx",
            "crate::http",
        ],
        reason: "graphql only translates: queries are built in domain and run in store, which ask who is asking",
    },
    Rule {
        within: &["api/src/store/"],
        except: &[],
        words: &["async_graphql", "actix_web", "crate::domain", "crate::graphql", "crate::http", "crate::fhir", "crate::readers"],
        reason: "store is the floor below: it knows entities and access, not what they are for",
    },
    Rule {
        within: &["api/src/access/"],
        except: &[],
        words: &["async_graphql", "actix_web", "crate::store", "crate::domain", "crate::graphql", "crate::http"],
        reason: "access is used by every floor and uses only entity, error and clock",
    },
    Rule {
        within: &["api/src/"],
        except: &["api/src/store/"],
        words: &["DatabaseConnection", "DatabaseTransaction", "DbConn", "Database::connect", "SqlitePool", "PgPool"],
        reason: "fetching is asking permission: only store holds a connection, and every function of it takes an Access",
    },
    Rule {
        within: &["api/src/", "entity/src/"],
        except: &["api/src/store/", "api/src/access/consent.rs"],
        words: &["Entity::find", "Entity::find_by_id", "EntityTrait::find", "EntityTrait::find_by_id", "E::find", "E::find_by_id"],
        reason: "fetching is asking permission: use store.find::<E>(access) or tx.fetch_for",
    },
    Rule {
        within: &["api/src/", "entity/src/", "migration/src/"],
        except: &["api/src/clock.rs"],
        words: &["Utc::now", "Local::now", "SystemTime::now"],
        reason: "time is a dependency: ask the injected clock",
    },
    Rule {
        within: &["entity/src/"],
        except: &[],
        words: &["SimpleObject", "ComplexObject"],
        reason: "a new column must not publish itself: what callers see is written in api/src/graphql",
    },
    Rule {
        within: &["api/src/", "entity/src/", "migration/src/"],
        except: &[],
        words: &[".unwrap()"],
        reason: "outside of tests an error passes on with `?`, or `expect` says why it cannot happen",
    },
    Rule {
        within: &["migration/src/"],
        except: &[],
        words: &["entity::", "aftercare::", "kit::"],
        reason: "a step tells how the tables were when it was written; entities go on changing",
    },
];

/// One broken rule: where, what, and why it is a rule.
fn violations(path: &str, source: &str) -> Vec<String> {
    let code = code_of(source);
    let holds = |rule: &&Rule| {
        let inside = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
        inside(rule.within) && !inside(rule.except)
    };
    let mut found = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut report = |what: &str, reason: &str| found.push(format!("{path}:{}: `{what}`: {reason}", number + 1));
        for rule in RULES.iter().filter(holds) {
            for word in rule.words.iter().filter(|word| says(line, word)) {
                report(word, rule.reason);
            }
        }
        let implements_proof = line.trim_start().starts_with("impl") && line.split(" for ").next().is_some_and(|head| says(head, "Proof<"));
        if implements_proof && line.contains(" for ") && !path.starts_with("api/src/store/") && !path.starts_with("tests/") {
            report("impl Proof<", "only the store can show that a class of data was opened to the caller");
        }
    }
    found
}

/// Whether a line says a word, and not just a longer one that holds it.
fn says(line: &str, word: &str) -> bool {
    let part_of_name = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = word.starts_with(char::is_alphanumeric) && part_of_name(line[..at].chars().next_back());
        let after = word.ends_with(char::is_alphanumeric) && part_of_name(line[at + word.len()..].chars().next());
        !before && !after
    })
}

/// The source without comments, texts and tests, line by line where it was.
fn code_of(source: &str) -> String {
    without_tests(&without_texts(source))
}

fn without_texts(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(letter) = rest.chars().next() {
        let named = code.chars().next_back().is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        let length = text_at(rest, named);
        let taken = if length == 0 { letter.len_utf8() } else { length };
        if length == 0 {
            code.push(letter);
        } else {
            code.push(' ');
            code.extend(rest[..taken].chars().filter(|letter| *letter == '\n'));
        }
        rest = &rest[taken..];
    }
    code
}

/// How long the comment or text is that begins here; 0 when none does. After a name, `r` is only its last letter.
fn text_at(rest: &str, after_name: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    if !after_name && rest.starts_with('r') {
        let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            return rest[2 + hashes..].find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len());
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => quoted(rest, '"'),
        [b'\'', b'\\', ..] => quoted(rest, '\''),
        // A letter between two quotes; anything else is a lifetime.
        [b'\'', ..] => rest[1..]
            .chars()
            .next()
            .filter(|letter| rest[1 + letter.len_utf8()..].starts_with('\''))
            .map_or(0, |letter| letter.len_utf8() + 2),
        _ => 0,
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if letter == '\\' {
            escaped = true;
        } else if letter == quote {
            return at + letter.len_utf8();
        }
    }
    rest.len()
}

/// Blanks every item under `#[cfg(test)]`: to its closing brace, or to a semicolon that comes before any brace.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let mut depth = 0_u32;
        let end = item.char_indices().find_map(|(index, letter)| {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 0 && matches!(letter, '}' | ';')).then_some(index + 1)
        });
        let end = end.unwrap_or(item.len());
        kept.extend(item[..end].chars().filter(|letter| *letter == '\n'));
        rest = &item[end..];
    }
    kept + rest
}

/// Every Rust file under a folder; none when the folder is not there yet.
fn sources(root: &Path, folder: &str, into: &mut Vec<(String, String)>) {
    let Ok(entries) = fs::read_dir(root.join(folder)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().expect("our file names are UTF-8");
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            sources(root, &path, into);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            into.push((path, fs::read_to_string(entry.path()).expect("our sources are UTF-8")));
        }
    }
}

fn all_sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for folder in ["api/src", "entity/src", "migration/src"] {
        sources(&root, folder, &mut found);
    }
    found
}

#[test]
fn the_house_is_tidy() {
    let sources = all_sources();
    assert!(sources.len() > 5, "the sources were not found");
    let found: Vec<String> = sources.iter().flat_map(|(path, source)| violations(path, source)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn migration_depends_on_nothing_of_ours() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../migration/Cargo.toml")).unwrap();
    for ours in ["aftercare.workspace", "entity.workspace", "path ="] {
        assert!(!manifest.contains(ours), "migration/Cargo.toml: `{ours}`: a step tells how the tables were when it was written");
    }
}

#[test]
fn a_planted_violation_is_found() {
    let planted = [
        ("api/src/domain/referral.rs", "use async_graphql::Context;"),
        ("api/src/graphql/referral.rs", "use sea_orm::{EntityTrait, QueryFilter};"),
        ("api/src/readers/alerts.rs", "fn read(connection: &DatabaseConnection) {}"),
        ("api/src/domain/referral.rs", "let row = referral::Entity::find_by_id(id);"),
        ("api/src/domain/clocks.rs", "let now = Utc::now();"),
        ("api/src/store/read.rs", "use crate::domain::referral;"),
        ("entity/src/referral.rs", "#[derive(Clone, SimpleObject)]"),
        ("api/src/server.rs", "let port = text.parse().unwrap();"),
        ("api/src/domain/referral.rs", "impl<C> Proof<C> for Mine {}"),
        ("entity/src/referral.rs", "impl Proof<class::Identity> for Mine {}"),
        ("migration/src/m0001_directory.rs", "use entity::referral;"),
        ("api/src/server.rs", "#[cfg(test)]\nmod tests { fn f() { a.unwrap(); } }\nfn g() { b.unwrap(); }"),
        ("api/src/server.rs", "let quote = '\"'; b.unwrap(); let other = '\"';"),
    ];
    for (path, source) in planted {
        assert!(!violations(path, source).is_empty(), "not found in {path}: {source}");
    }
}

#[test]
fn what_only_looks_like_a_violation_is_passed_over() {
    let innocent = [
        ("api/src/domain/referral.rs", "// async_graphql is not for us\nlet text = \"async_graphql\"; /* actix_web */"),
        ("api/src/server.rs", "#[cfg(test)]\nmod tests {\n    fn f() { \"}\".parse().unwrap(); }\n}"),
        ("api/src/server.rs", "let text = r#\"a.unwrap() \"quoted\" \"#;"),
        ("api/src/store/read.rs", "let rows = E::find().all(&self.connection); impl<E> Proof<E> for Shown {}"),
        ("api/src/clock.rs", "Utc::now()"),
        ("entity/src/guarded.rs", "pub trait Proof<C> {}\nimpl<C, T> Guarded<C, T> { fn read<P: Proof<C>>(&self, proof: &P) -> &T }"),
        ("api/src/domain/referral.rs", "let found = SomeEntity::findings(); value.unwrap_or_default();"),
    ];
    for (path, source) in innocent {
        assert_eq!(violations(path, source), Vec::<String>::new(), "in {path}: {source}");
    }
}
