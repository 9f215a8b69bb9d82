//! What workshops are about: version 1 of the taxonomy (domain 6.4). Codes are stable and never renamed; labels may be reworded.

/// One topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its stable code.
    pub code: &'static str,
    /// The area it belongs to.
    pub area: &'static str,
    /// Its name for people.
    pub label: &'static str,
}

const fn topic(area: &'static str, code: &'static str, label: &'static str) -> Topic {
    Topic { code, area, label }
}

/// Every topic, in the order in which people are shown them.
pub const TOPICS: &[Topic] = &[
    topic("Coping", "COPING.STRESS", "Living with stress"),
    topic("Coping", "COPING.EMOTIONS", "Strong emotions"),
    topic("Coping", "COPING.CRAVINGS", "Riding out cravings"),
    topic("Coping", "COPING.GRIEF", "Grief and loss"),
    topic("Coping", "COPING.MINDFULNESS", "Mindfulness"),
    topic("Relapse prevention", "RP.TRIGGERS", "Knowing triggers"),
    topic("Relapse prevention", "RP.WARNING_SIGNS", "Early warning signs"),
    topic("Relapse prevention", "RP.PLAN", "A plan for hard days"),
    topic("Relapse prevention", "RP.AFTER_RETURN_TO_USE", "After a return to use"),
    topic("Relapse prevention", "RP.OVERDOSE_NALOXONE", "Overdose and naloxone"),
    topic("Life skills", "LIFE.BUDGETING", "Budgeting"),
    topic("Life skills", "LIFE.TIME_MANAGEMENT", "Time management"),
    topic("Life skills", "LIFE.JOB_READINESS", "Getting ready for work"),
    topic("Life skills", "LIFE.HOUSING", "Finding and keeping a home"),
    topic("Life skills", "LIFE.DIGITAL", "Computers and phones"),
    topic("Life skills", "LIFE.COOKING", "Cooking"),
    topic("Life skills", "LIFE.PARENTING", "Parenting"),
    topic("Relationships", "REL.COMMUNICATION", "Talking and listening"),
    topic("Relationships", "REL.BOUNDARIES", "Boundaries"),
    topic("Relationships", "REL.FAMILY_REPAIR", "Mending family ties"),
    topic("Relationships", "REL.SOBER_FUN", "Fun in recovery"),
    topic("Wellness", "WELL.SLEEP", "Sleep"),
    topic("Wellness", "WELL.NUTRITION", "Nutrition"),
    topic("Wellness", "WELL.MENTAL_HEALTH", "Mental health"),
    topic("Wellness", "WELL.MEDICATION_RECOVERY", "Medication and recovery"),
    topic("Rights and systems", "SYS.BENEFITS", "Benefits"),
    topic("Rights and systems", "SYS.LEGAL_RECORD", "Legal records"),
    topic("Rights and systems", "SYS.HEALTH_NAVIGATION", "Finding your way in health care"),
    topic("Rights and systems", "SYS.ADVOCACY", "Speaking up"),
    topic("Peer leadership", "LEAD.FACILITATION", "Leading a group"),
    topic("Peer leadership", "LEAD.STORY_SHARING", "Sharing your story"),
    topic("Peer leadership", "LEAD.BECOME_A_PEER", "Becoming a peer specialist"),
];

/// The topic with this code.
pub fn by_code(code: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_is_there_twice() {
        let codes: BTreeSet<_> = TOPICS.iter().map(|topic| topic.code).collect();
        assert_eq!((codes.len(), TOPICS.len()), (32, 32));
        assert!(by_code("RP.PLAN").is_some() && by_code("rp.plan").is_none());
    }
}
