//! Words of the wire: a known one or an unknown one kept as it came.

/// A word that this version of the program does not know. It survives a round trip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownWord(Box<str>);

impl UnknownWord {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The word as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        ///
        /// Written as a lower-case word; made from text with `From<&str>`, which never fails.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word of a newer program or pack.
            Unknown(UnknownWord),
        }

        impl $name {
            /// Every word that this version knows, in their usual order.
            pub const KNOWN: &[Self] = &[$(Self::$variant),+];

            /// The word on the wire and in files.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown(word) => word.as_str(),
                }
            }

            /// Whether this version knows the word.
            #[must_use]
            pub const fn is_known(&self) -> bool {
                !matches!(self, Self::Unknown(_))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Unknown(UnknownWord::new(text)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from(<std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?.as_ref()))
            }
        }
    };
}

words! {
    /// What a category is of (GB/T 47678.5): a thing that stands there, or something that happens.
    ///
    /// It is also the class of an audience: who receives a case depends on area and class.
    CategoryKind {
        /// 管理部件: manhole covers, lamps, benches.
        Component = "component",
        /// 管理事项: stalls, flyers, and the "…异常" of a component.
        Matter = "matter",
    }
}

words! {
    /// What a person may do; the workflow tables say which step needs which role. Labels are pack data.
    Role {
        /// 采集员: reports cases in the field.
        Inspector = "inspector",
        /// 暗访员: inspects unannounced; invisible to the inspected.
        CovertInspector = "covert_inspector",
        /// 网报指导员: guides a community's filing photos.
        Guide = "guide",
        /// 社区申报员: files a community's monthly material.
        CommunityFiler = "community_filer",
        /// 受理员: files or declines reports (监督中心).
        Acceptor = "acceptor",
        /// 派遣员: sends cases to the responsible organisation (指挥中心).
        Dispatcher = "dispatcher",
        /// 处置人员: fixes what was reported.
        Handler = "handler",
        /// 部门负责人: answers for an organisation.
        DeptHead = "dept_head",
        /// 街道负责人: can whistle for departments.
        StreetLeader = "street_leader",
        /// 核查员: checks the result before a case closes; never of their own case.
        Verifier = "verifier",
        /// 考评员: scores.
        Appraiser = "appraiser",
        /// 通报编辑: drafts bulletins.
        BulletinEditor = "bulletin_editor",
        /// 签发人: issues bulletins.
        Signatory = "signatory",
        /// 问责建议人: proposes measures; the decision is a human act outside.
        DisciplineProposer = "discipline_proposer",
        /// 志愿服务队: takes volunteer orders.
        VolunteerTeam = "volunteer_team",
        /// 审计员: reads, changes nothing.
        Auditor = "auditor",
        /// 系统管理员: keeps people, devices and the pack.
        Admin = "admin",
    }
}

words! {
    /// How a limit is counted. A text such as 2紧急工作时 is urgent: the word 紧急 decides first.
    LimitUnit {
        /// 紧急工作时: hours that run day and night.
        UrgentHour = "urgent_hour",
        /// 紧急工作日: days that run day and night.
        UrgentDay = "urgent_day",
        /// 工作时: hours of office time, on working days only.
        WorkHour = "work_hour",
        /// 工作日: days of office time, 8 working hours each.
        WorkDay = "work_day",
    }
}

words! {
    /// A step that wants a reason.
    ReasonStep {
        /// 不予立案: the report is not filed.
        Decline = "decline",
        /// 回退: the organisation sends the case back.
        Return = "return",
        /// 返工: the check was not passed.
        Rework = "rework",
    }
}

impl LimitUnit {
    /// The unit in Chinese, as the standards write it.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::UrgentHour => "紧急工作时",
            Self::UrgentDay => "紧急工作日",
            Self::WorkHour => "工作时",
            Self::WorkDay => "工作日",
            Self::Unknown(word) => word.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_survives_a_round_trip() {
        for text in ["\"inspector\"", "\"drone_pilot\"", "\"\"", "\"无人机\""] {
            let role: Role = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&role).unwrap(), text);
        }
        assert!(!Role::from("drone_pilot").is_known());
    }

    #[test]
    fn every_known_word_reads_back_as_itself() {
        for role in Role::KNOWN {
            assert_eq!(&Role::from(role.as_str()), role);
        }
    }
}
