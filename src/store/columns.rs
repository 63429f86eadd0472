//! How values of the domain stand in the database, and how a row becomes a struct.
//!
//! # Why
//! The domain knows no database. sqlx's own derivations come with a procedural macro that compiles both drivers and
//! SQLite a second time, for the compiler's use; what we need of them is the two small macros below.

use crate::domain::calendar::HolidayScope;
use crate::domain::code_list::for_every_list;
use crate::domain::{
    AppointmentMode, AppointmentStatus, AttentionChannel, AttentionOutcome, AuthenticationMethod, AuthorityKind,
    BookKind, BookedBy, Channel, Country, DocumentKind, ErasureGround, IdType, Micros, MustSubmitElectronically,
    NotificationChannel, PersonType, PhysicalDocuments, PresentedAtReason, Role, Routing, Sha256, Status, Transport,
    UnitState, Validity,
};

/// `column!(Value, Plain, Sent = send, Read = read)`: the column of a `Value` is one of a `Plain`; it is written as
/// what `send` makes of it, and read by `read`. On PostgreSQL it can be one of an array, too.
macro_rules! column {
    ($Value:ty, $Plain:ty, $Sent:ty = $send:expr, $Read:ty = $read:expr) => {
        impl<DB: sqlx::Database> sqlx::Type<DB> for $Value
        where
            $Plain: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$Plain as sqlx::Type<DB>>::type_info()
            }

            fn compatible(info: &DB::TypeInfo) -> bool {
                <$Plain as sqlx::Type<DB>>::compatible(info)
            }
        }

        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $Value
        where
            $Sent: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> std::result::Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                let send: fn(&Self) -> $Sent = $send;
                <$Sent as sqlx::Encode<'q, DB>>::encode(send(self), buffer)
            }
        }

        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $Value
        where
            $Read: sqlx::Decode<'r, DB>,
        {
            fn decode(
                value: <DB as sqlx::Database>::ValueRef<'r>,
            ) -> std::result::Result<Self, sqlx::error::BoxDynError> {
                let read: fn($Read) -> std::result::Result<Self, sqlx::error::BoxDynError> = $read;
                read(<$Read as sqlx::Decode<'r, DB>>::decode(value)?)
            }
        }

        impl sqlx::postgres::PgHasArrayType for $Value {
            fn array_type_info() -> sqlx::postgres::PgTypeInfo {
                <$Plain as sqlx::postgres::PgHasArrayType>::array_type_info()
            }
        }
    };
}

/// `row! { Struct: field, … }`: each field is the column of its name. All fields are named, or it does not compile.
/// Those after `; with` are structs whose own columns stand in the same row.
macro_rules! row {
    ($Row:ident: $($field:ident),+ $(; with $($part:ident),+)?) => {
        $crate::store::columns::row! { @ sqlx::sqlite::SqliteRow, $Row: $($field),+ $(; with $($part),+)? }
        $crate::store::columns::row! { @ sqlx::postgres::PgRow, $Row: $($field),+ $(; with $($part),+)? }
    };
    (@ $EngineRow:ty, $Row:ident: $($field:ident),+ $(; with $($part:ident),+)?) => {
        impl<'r> sqlx::FromRow<'r, $EngineRow> for $Row {
            fn from_row(row: &'r $EngineRow) -> std::result::Result<Self, sqlx::Error> {
                Ok(Self {
                    $($field: sqlx::Row::try_get(row, $crate::store::columns::name(stringify!($field)))?,)+
                    $($($part: sqlx::FromRow::from_row(row)?,)+)?
                })
            }
        }
    };
}
pub(crate) use {column, row};

/// The column of a field: `type` of `r#type`.
pub(crate) fn name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

column!(Micros, i64, i64 = |instant| instant.0, i64 = |micros| Ok(Self(micros)));
column!(Sha256, Vec<u8>, Vec<u8> = |hash| hash.0.to_vec(), &'r [u8] = |bytes| Ok(bytes.try_into()?));
column!(Country, String, String = |country| country.as_str().to_owned(), &'r str = |code| Ok(code.parse()?));

macro_rules! columns_of_names {
    ($($List:ident)+) => {$(
        column!($List, String, &'static str = |value| value.as_str(), &'r str = |name| Ok(name.parse()?));
    )+};
}
for_every_list!(columns_of_names);

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Connection, TypeInfo};

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
