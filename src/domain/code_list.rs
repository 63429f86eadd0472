//! One macro for every closed list of names: channels, states, roles, kinds.
//!
//! # Why
//! The API, the database and the exchange files must never disagree about a name, so each name is
//! written once and everything else is made from it. In the database a name is TEXT on both engines:
//! a native PostgreSQL enumeration would need a migration for each new name and does not exist in
//! SQLite, and `#[derive(sqlx::Type)]` with `type_name = "TEXT"` asks PostgreSQL for a type of that
//! name instead of using the one it knows.

/// A name that is not in its list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {allowed}")]
pub struct UnknownName {
    /// The names that are, separated by commas, as the API writes them.
    pub allowed: String,
}

impl UnknownName {
    /// For the list that has these names.
    pub(crate) fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        let allowed = names.into_iter().collect::<Vec<_>>().join(", ");
        Self { allowed }
    }
}

/// `code_list! { /// doc  Name { /// doc  Variant = "api_name", … } }`
///
/// Gives the enumeration, `ALL`, `as_str`, `FromStr`, `Display`, serde, the OpenAPI schema and TEXT
/// in both databases, singly and as a PostgreSQL array. (The name is a `tt`: as a `literal` it reaches utoipa in
/// an invisible group, which it overlooks.)
macro_rules! code_list {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:tt),+ $(,)? }) => {
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        $(#[$meta])*
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in the API and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|value| value.as_str() == name)
                    .ok_or_else(|| $crate::domain::UnknownName::of(Self::ALL.iter().map(|value| value.as_str())))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.as_str())
            }
        }

        impl<DB: sqlx::Database> sqlx::Type<DB> for $name where String: sqlx::Type<DB> {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(info)
            }
        }

        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name where &'static str: sqlx::Encode<'q, DB> {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&'static str as sqlx::Encode<'q, DB>>::encode(self.as_str(), buffer)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name where &'r str: sqlx::Decode<'r, DB> {
            fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&'r str as sqlx::Decode<'r, DB>>::decode(value)?.parse()?)
            }
        }

        impl sqlx::postgres::PgHasArrayType for $name {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <String as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }
    };
}

/// `exchange_codes! { Name { Variant = "01", … } }`: the code of each value in an exchange file
/// (SICRES 4.0), both ways.
macro_rules! exchange_codes {
    ($name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $name {
            /// The code in a SICRES 4.0 exchange file.
            #[must_use]
            pub const fn exchange_code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The value a SICRES 4.0 code stands for.
            #[must_use]
            pub fn from_exchange_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

pub(crate) use {code_list, exchange_codes};

#[cfg(test)]
mod tests {
    use crate::domain::calendar::HolidayScope;
    use crate::domain::*;
    use sqlx::{Connection, TypeInfo};

    /// Runs a check over every list of the domain.
    macro_rules! for_every_list {
        ($check:ident) => {
            $check!(
                AttentionChannel AuthenticationMethod AuthorityKind BookKind Channel DocumentKind HolidayScope IdType
                MustSubmitElectronically NotificationChannel PersonType PhysicalDocuments Role Routing Status Transport
                Validity
            )
        };
    }

    #[test]
    fn every_name_is_the_same_in_every_form() {
        macro_rules! check {
            ($($list:ident)+) => {$(
                for value in $list::ALL {
                    let name = value.as_str();
                    assert_eq!(name.parse(), Ok(*value));
                    assert_eq!(value.to_string(), name);
                    assert_eq!(serde_json::to_value(value).unwrap(), name);
                    assert_eq!(serde_json::from_value::<$list>(name.into()).unwrap(), *value);
                    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
                    assert!(plain, "{name} is not snake_case");
                }
                let names: Vec<_> = $list::ALL.iter().map(|value| value.as_str()).collect();
                let error = "no such name".parse::<$list>().unwrap_err().to_string();
                assert_eq!(error, format!("must be one of {}", names.join(", ")));
            )+};
        }
        for_every_list!(check);
    }

    /// What OpenAPI promises is what is taken.
    #[test]
    fn every_schema_lists_the_names() {
        macro_rules! check {
            ($($list:ident)+) => {$(
                let schema = serde_json::to_value(<$list as utoipa::PartialSchema>::schema()).unwrap();
                let names: Vec<_> = $list::ALL.iter().map(|value| value.as_str()).collect();
                assert_eq!(schema["enum"], serde_json::json!(names));
                assert!(names.contains(&schema["example"].as_str().unwrap()), "{}", stringify!($list));
                assert!(schema["description"].is_string());
            )+};
        }
        for_every_list!(check);
    }

    #[test]
    fn every_exchange_code_leads_back() {
        macro_rules! check {
            ($($list:ident)+) => {$(
                for value in $list::ALL {
                    assert_eq!($list::from_exchange_code(value.exchange_code()), Some(*value));
                }
                assert_eq!($list::from_exchange_code("A"), None);
                assert_eq!($list::from_exchange_code(""), None);
            )+};
        }
        check!(BookKind IdType NotificationChannel PersonType PhysicalDocuments Transport Validity);
    }

    #[tokio::test]
    async fn names_are_text_in_sqlite_and_come_back() {
        let mut db = sqlx::SqliteConnection::connect("sqlite::memory:").await.unwrap();
        macro_rules! check {
            ($($list:ident)+) => {$(
                for value in $list::ALL {
                    let row: ($list, String, Option<$list>) = sqlx::query_as("SELECT $1, typeof($1) || ' ' || $1, NULL")
                        .bind(*value)
                        .fetch_one(&mut db)
                        .await
                        .unwrap();
                    assert_eq!(row, (*value, format!("text {value}"), None));
                }
                let unknown: Result<($list,), _> = sqlx::query_as("SELECT 'x'").fetch_one(&mut db).await;
                assert!(unknown.is_err());
            )+};
        }
        for_every_list!(check);
        let row: (Sha256, Micros, String) = sqlx::query_as("SELECT $1, $2, typeof($1) || typeof($2)")
            .bind(Sha256([7; 32]))
            .bind(Micros(-1))
            .fetch_one(&mut db)
            .await
            .unwrap();
        assert_eq!(row, (Sha256([7; 32]), Micros(-1), "blobinteger".to_owned()));
    }

    /// The types PostgreSQL is told, singly and for `unnest`.
    #[test]
    fn names_are_text_in_postgres() {
        use sqlx::postgres::PgHasArrayType;
        macro_rules! check {
            ($($list:ident)+) => {$(
                assert_eq!(<$list as sqlx::Type<sqlx::Postgres>>::type_info().name(), "TEXT");
                assert_eq!(<$list as PgHasArrayType>::array_type_info().name(), "TEXT[]");
            )+};
        }
        for_every_list!(check);
        assert_eq!(<Sha256 as sqlx::Type<sqlx::Postgres>>::type_info().name(), "BYTEA");
        assert_eq!(<Sha256 as PgHasArrayType>::array_type_info().name(), "BYTEA[]");
        assert_eq!(<Micros as sqlx::Type<sqlx::Postgres>>::type_info().name(), "INT8");
        assert_eq!(<Micros as PgHasArrayType>::array_type_info().name(), "INT8[]");
    }
}
