//! Why an entry has no contact, why a contact is frozen, why a contact changes. Labels of counts and reports.

/// Declares an enum whose names are words that others read: in a status, a report, a label of a metric.
macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The name that stands in reports, counts and metrics.
            pub fn label(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)* }
            }

            /// The reason of this name; `None` for a word of another release.
            #[allow(dead_code, reason = "not every list is read back")]
            pub fn parse(label: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.label() == label)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.label())
            }
        }

        impl From<$name> for String {
            fn from(reason: $name) -> Self {
                reason.label().to_owned()
            }
        }
    };
}
pub(crate) use reasons;

reasons! {
    /// Why an anchor is *unwanted*: a rule took it out, and the rule evaluated cleanly (mail-rules §1).
    Unwanted {
        /// Not in a complete read of its source.
        Absent,
        /// Its source is no longer in `spec.sources`.
        SourceRemoved,
        /// Carries an owner mark: it is a contact of some GalSync, not an entry.
        Marked,
        RecipientType,
        DomainFilter,
        /// Only an `*.onmicrosoft.com` address.
        OnMicrosoftOnly,
        Hidden,
        Disabled,
        RestrictedSenders,
        HiddenMembership,
        GroupFilter,
        OrganizationalUnitFilter,
        OptOut,
        Expression,
        /// An address outside the source's authoritative domains (mail-rules §2).
        ForeignDomain,
        /// The outside address of a contact lies in a domain that another connector claims.
        ClaimedDomain,
        /// Delivered in the target itself, or a mailbox there has its primary address.
        LivesInTarget,
        /// The other half of a hybrid organization has the mailbox.
        JoinedElsewhere,
    }
}

reasons! {
    /// Why an anchor is *undecided*: its contact is frozen, neither updated nor deleted.
    Undecided {
        PrimaryMissing,
        PrimaryInvalid,
        PrimaryTwice,
        ExternalMissing,
        TypeUnknown,
        JoinMissing,
        AnchorTwice,
        ExpressionFailed,
        /// An attribute mapping failed for this entry.
        MappingFailed,
        HeldByMailbox,
        HeldByMailUser,
        HeldByGuest,
        HeldByGroup,
        HeldByForeignContact,
        HeldByOtherSync,
        HeldBySyncedObject,
        /// Two contacts carry one mark.
        MarkTwice,
        /// More than one candidate for adoption.
        AdoptionAmbiguous,
        NotConverging,
        Contested,
        /// Outside `limitTo`: a pilot creates and updates only what it names, and deletes nothing.
        OutsidePilot,
        /// `safety.protected` names its address: never hidden or deleted.
        Protected,
        /// The address is taken until another change of the same target is through.
        Deferred,
        /// The target takes no value like this.
        NotRepresentable,
    }
}

reasons! {
    /// Why a contact is created, changed or removed; one a change, the most telling.
    ChangeReason {
        New,
        /// Known before, removed since, and here again.
        Returned,
        Adopted,
        /// The entry changed, or someone changed the contact.
        Changed,
        /// Another entry takes the contact over: a new anchor of the same person, or another source's entry.
        Reanchored,
        Shadowed,
        HalfMade,
        Gone,
        FilteredOut,
        SourceRemoved,
        LivesInTarget,
        /// Its address is wanted by an object of the target.
        AddressNeeded,
        /// Hidden for `removal.hideFor`; now it goes.
        HiddenLongEnough,
        ShownAgain,
    }
}

reasons! {
    /// A value that could not cross over as it is; the rest does.
    Warning {
        Cut,
        ControlCharacters,
        CountryUnknown,
        /// No room for its hash in the owner mark.
        MarkFull,
        /// A secondary address that somebody else holds.
        SecondaryHeld,
        SecondaryInTargetDomain,
        /// The target cannot hide contacts; it stays visible until it is deleted.
        CannotHide,
    }
}

reasons! {
    /// Why a plan needs approval although the schedule's mode would not ask (mail-rules §7).
    UnsafeReason {
        FirstSync,
        TooManyDeletes,
        TooManyDeletesInSevenDays,
        WouldBecomeEmpty,
        TooManyCreates,
        TooManyStrictUpdates,
        TooManyUpdates,
        TooManyUndecided,
        SourceEmpty,
        SourceShrank,
        SourceRemoved,
        /// No history: the pair's deletes need approval for this pass.
        NoHistory,
    }
}

impl Unwanted {
    pub fn change_reason(self) -> ChangeReason {
        match self {
            Self::Absent => ChangeReason::Gone,
            Self::SourceRemoved => ChangeReason::SourceRemoved,
            Self::LivesInTarget => ChangeReason::LivesInTarget,
            _ => ChangeReason::FilteredOut,
        }
    }
}

impl Undecided {
    /// Somebody else's object stands in the way.
    pub fn is_conflict(self) -> bool {
        matches!(
            self,
            Self::HeldByMailbox
                | Self::HeldByMailUser
                | Self::HeldByGuest
                | Self::HeldByGroup
                | Self::HeldByForeignContact
                | Self::HeldByOtherSync
                | Self::HeldBySyncedObject
                | Self::AdoptionAmbiguous
        )
    }
}

impl From<super::entry::Problem> for Undecided {
    fn from(problem: super::entry::Problem) -> Self {
        use super::entry::Problem;
        match problem {
            Problem::PrimaryMissing => Self::PrimaryMissing,
            Problem::PrimaryInvalid => Self::PrimaryInvalid,
            Problem::PrimaryTwice => Self::PrimaryTwice,
            Problem::ExternalMissing => Self::ExternalMissing,
            Problem::TypeUnknown => Self::TypeUnknown,
            Problem::JoinMissing => Self::JoinMissing,
            Problem::AnchorTwice => Self::AnchorTwice,
        }
    }
}
