//! One connection to Postgres, on the level of its wire protocol.
//!
//! A client library would ask the server for parameter types and encode values by them; Neon's proxy doesn't, it sends text
//! and leaves the reading of it to Postgres. Only the bare protocol can do the same.

use std::fmt;

use anyhow::{Context, bail};
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::IsNull;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::{backend, frontend};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Names who signs in to Postgres, and to which database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    /// The role.
    pub user: String,
    /// The password; asked for or not, as `pg_hba.conf` has it.
    pub password: String,
    /// The database.
    pub database: String,
}

/// Carries what Postgres says about an error, by the letters of its `ErrorResponse` fields.
#[derive(Clone, Debug, Default)]
pub struct SqlError {
    fields: Vec<(u8, String)>,
}

impl SqlError {
    /// Finds one field by its letter, such as `b'C'` for the SQLSTATE.
    #[must_use]
    pub fn field(&self, letter: u8) -> Option<&str> {
        self.fields.iter().find(|(name, _)| *name == letter).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.field(b'M').unwrap_or("?"), self.field(b'C').unwrap_or("?"))
    }
}

/// Tells a statement that Postgres refused from a connection that can't be used any more.
#[derive(Debug)]
pub enum Fault {
    /// Postgres answered with an error; the connection goes on.
    Sql(SqlError),
    /// The connection is lost, or was answered in a way that the protocol doesn't allow.
    Broken(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// Describes a column of a result as Postgres does.
#[derive(Clone, Debug)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// Object id of the table, 0 when it is no plain table column.
    pub table: u32,
    /// Number of the column in that table, 0 likewise.
    pub number: i16,
    /// Object id of the type.
    pub type_oid: u32,
    /// Size of the type in bytes, negative when variable.
    pub size: i16,
    /// Modifier of the type, -1 when it has none.
    pub modifier: i32,
}

/// Holds the outcome of one statement: columns, rows as text, and the command tag.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The columns, empty for a statement without rows.
    pub columns: Vec<Column>,
    /// The rows, each value as Postgres prints it, `None` for NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// The command tag, such as `INSERT 0 1`.
    pub tag: String,
}

/// Speaks to one Postgres backend.
pub struct Connection {
    stream: TcpStream,
    received: BytesMut,
    /// `I` outside a transaction, `T` in one, `E` in a failed one.
    state: u8,
}

impl Connection {
    /// Connects to `address` (`host:port`) and signs in with whatever Postgres asks for: nothing, clear text, MD5 or SCRAM.
    pub async fn open(address: &str, login: &Login) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address).await.context("connecting to Postgres")?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream, received: BytesMut::with_capacity(8192), state: b'I' };
        let mut out = BytesMut::new();
        let parameters = [
            ("user", login.user.as_str()),
            ("database", login.database.as_str()),
            ("client_encoding", "UTF8"),
        ];
        frontend::startup_message(parameters, &mut out)?;
        connection.send(&out).await?;
        connection.authenticate(login).await?;
        connection.until_ready(None).await?;
        Ok(connection)
    }

    async fn authenticate(&mut self, login: &Login) -> Result<(), Fault> {
        let mut scram: Option<sasl::ScramSha256> = None;
        loop {
            let mut out = BytesMut::new();
            match self.receive().await? {
                backend::Message::AuthenticationOk => return Ok(()),
                backend::Message::AuthenticationCleartextPassword => {
                    frontend::password_message(login.password.as_bytes(), &mut out)?;
                }
                backend::Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(login.user.as_bytes(), login.password.as_bytes(), body.salt());
                    frontend::password_message(hash.as_bytes(), &mut out)?;
                }
                backend::Message::AuthenticationSasl(_) => {
                    let exchange = sasl::ScramSha256::new(
                        login.password.as_bytes(),
                        sasl::ChannelBinding::unsupported(),
                    );
                    frontend::sasl_initial_response(sasl::SCRAM_SHA_256, exchange.message(), &mut out)?;
                    scram = Some(exchange);
                }
                backend::Message::AuthenticationSaslContinue(body) => {
                    let exchange = scram.as_mut().context("SCRAM continued before it began")?;
                    exchange.update(body.data())?;
                    frontend::sasl_response(exchange.message(), &mut out)?;
                }
                backend::Message::AuthenticationSaslFinal(body) => {
                    scram.as_mut().context("SCRAM ended before it began")?.finish(body.data())?;
                    continue;
                }
                backend::Message::ErrorResponse(body) => return Err(Fault::Sql(sql_error(&body)?)),
                _ => return Err(Fault::Broken(anyhow::anyhow!("an unexpected answer while signing in"))),
            }
            self.send(&out).await?;
        }
    }

    /// Runs one statement with text parameters through the extended protocol, on the unnamed statement and portal.
    pub async fn run(&mut self, statement: &str, parameters: &[Option<String>]) -> Result<Outcome, Fault> {
        let mut out = BytesMut::new();
        frontend::parse("", statement, [], &mut out)?;
        frontend::describe(b'S', "", &mut out)?;
        let bound = frontend::bind(
            "",
            "",
            [],
            parameters,
            |parameter, buffer| {
                Ok(match parameter {
                    Some(text) => {
                        buffer.extend_from_slice(text.as_bytes());
                        IsNull::No
                    }
                    None => IsNull::Yes,
                })
            },
            [],
            &mut out,
        );
        if let Err(frontend::BindError::Conversion(error)) = bound {
            return Err(Fault::Broken(anyhow::anyhow!(error)));
        } else if let Err(frontend::BindError::Serialization(error)) = bound {
            return Err(Fault::Broken(error.into()));
        }
        frontend::execute("", 0, &mut out)?;
        frontend::sync(&mut out);
        self.send(&out).await?;
        let mut outcome = Outcome::default();
        self.until_ready(Some(&mut outcome)).await?;
        Ok(outcome)
    }

    /// Forgets all that the last user left: transaction, settings, temporary tables, prepared statements.
    pub async fn reset(&mut self) -> Result<(), Fault> {
        if self.state != b'I' {
            self.run("ROLLBACK", &[]).await?;
        }
        self.run("DISCARD ALL", &[]).await.map(drop)
    }

    async fn until_ready(&mut self, mut outcome: Option<&mut Outcome>) -> Result<(), Fault> {
        let mut error = None;
        loop {
            match self.receive().await? {
                backend::Message::ReadyForQuery(body) => {
                    self.state = body.status();
                    return error.map_or(Ok(()), |error| Err(Fault::Sql(error)));
                }
                backend::Message::ErrorResponse(body) => error = Some(sql_error(&body)?),
                backend::Message::RowDescription(body) => {
                    if let Some(outcome) = outcome.as_deref_mut() {
                        outcome.columns = columns(&body)?;
                    }
                }
                backend::Message::DataRow(body) => {
                    if let Some(outcome) = outcome.as_deref_mut() {
                        outcome.rows.push(row(&body)?);
                    }
                }
                backend::Message::CommandComplete(body) => {
                    if let Some(outcome) = outcome.as_deref_mut() {
                        body.tag()?.clone_into(&mut outcome.tag);
                    }
                }
                backend::Message::CopyInResponse(_) => {
                    return Err(Fault::Broken(anyhow::anyhow!("COPY is not served over HTTP")));
                }
                _ => {}
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stream.write_all(bytes).await.context("writing to Postgres")?;
        Ok(())
    }

    async fn receive(&mut self) -> Result<backend::Message, Fault> {
        loop {
            if let Some(message) = backend::Message::parse(&mut self.received)? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.received).await.context("reading from Postgres")? == 0 {
                return Err(Fault::Broken(anyhow::anyhow!("Postgres closed the connection")));
            }
        }
    }
}

fn sql_error(body: &backend::ErrorResponseBody) -> anyhow::Result<SqlError> {
    let mut fields = Vec::new();
    let mut letters = body.fields();
    while let Some(field) = letters.next()? {
        fields.push((field.type_(), String::from_utf8_lossy(field.value_bytes()).into_owned()));
    }
    Ok(SqlError { fields })
}

fn columns(body: &backend::RowDescriptionBody) -> anyhow::Result<Vec<Column>> {
    let mut columns = Vec::new();
    let mut fields = body.fields();
    while let Some(field) = fields.next()? {
        columns.push(Column {
            name: field.name().to_owned(),
            table: field.table_oid(),
            number: field.column_id(),
            type_oid: field.type_oid(),
            size: field.type_size(),
            modifier: field.type_modifier(),
        });
    }
    Ok(columns)
}

fn row(body: &backend::DataRowBody) -> anyhow::Result<Vec<Option<String>>> {
    let mut values = Vec::new();
    let mut ranges = body.ranges();
    while let Some(range) = ranges.next()? {
        values.push(match range {
            None => None,
            Some(range) => match std::str::from_utf8(&body.buffer()[range]) {
                Ok(text) => Some(text.to_owned()),
                Err(_) => bail!("a value that is not UTF-8"),
            },
        });
    }
    Ok(values)
}
