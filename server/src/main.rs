//! `kontor`: the command line.

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use formats::books::BooksFormat;
use server::bank_channel::{self, Channel};
use server::clock::Clock;
use server::config::{
    CheckpointConfig, Config, SecondFactor, Secret, base_url, check_folder, database_url, load_secret, mailbox, own_program,
    private_file, private_folder, second_factor, smtp_url,
};
use server::limits::Limits;
use server::setup::{FirstUser, Setup};
use server::{backup, encrypted, export, proofs, serve, setup};
#[cfg(feature = "demo")]
use server::{bench, demo};
use std::path::PathBuf;
use std::process::ExitCode;

/// Supply-chain finance: buyer-confirmed receivables, sold in fractions, settled on a double-entry ledger.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Args, Clone)]
struct Database {
    /// An SQLite file or postgres://…; none means kontor.sqlite in the data folder.
    #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
    database_url: Option<String>,
    /// Folder of the database and keys.
    #[arg(long, env = "KONTOR_DATA", default_value = "data")]
    data: PathBuf,
    /// Take a database or mail server on another machine whose certificate is not checked.
    #[arg(long, env = "KONTOR_ALLOW_PLAIN_CONNECTIONS")]
    allow_plain_connections: bool,
}

impl Database {
    /// Its address; an SQLite file is readable by its owner only from now on.
    fn url(&self) -> std::io::Result<String> {
        let url = match &self.database_url {
            Some(url) => url.clone(),
            None => {
                private_folder(&self.data)?;
                self.data.join("kontor.sqlite").display().to_string()
            }
        };
        if !self.allow_plain_connections {
            encrypted::check_database(&url).map_err(std::io::Error::other)?;
        }
        if !store::connection::is_postgres(&url) {
            private_file(std::path::Path::new(&url))?;
        }
        Ok(url)
    }
}

/// How the log is signed and where its checkpoints go.
#[derive(Args, Clone)]
struct LogOptions {
    /// The log's secret key, PRIVATE+KEY+…; the same for all processes on one database. None: a file in the data folder.
    #[arg(long, env = "KONTOR_LOG_KEY", hide_env_values = true)]
    log_key: Option<String>,
    /// The log's name; none: the base address's host and /log.
    #[arg(long, env = "KONTOR_LOG_ORIGIN")]
    log_origin: Option<String>,
    /// Folder, best on another machine, that gets every checkpoint as a file.
    #[arg(long, env = "KONTOR_CHECKPOINT_DIR")]
    checkpoint_dir: Option<PathBuf>,
    /// Address that gets the checkpoint of every end of day.
    #[arg(long, env = "KONTOR_CHECKPOINT_MAIL", value_parser = mailbox)]
    checkpoint_mail: Option<String>,
}

/// The bank's own channel.
#[derive(Args, Clone)]
struct BankOptions {
    /// Folder into which the bank's transport puts signed files; they count as the bank's word. None: every bank file needs two
    /// operators.
    #[arg(long, env = "KONTOR_BANK_DIR", requires = "bank_key")]
    bank_dir: Option<PathBuf>,
    /// File of the public key by which they are signed, as `kontor bank-key` makes it.
    #[arg(long, env = "KONTOR_BANK_KEY", requires = "bank_dir")]
    bank_key: Option<PathBuf>,
}

#[derive(Subcommand)]
#[expect(clippy::large_enum_variant, reason = "it is read once, at the start")]
enum Task {
    /// Start a complete demo world on a temporary database.
    #[cfg(feature = "demo")]
    Demo {
        /// Address and port to listen on.
        #[arg(long, env = "KONTOR_LISTEN", default_value = "127.0.0.1:8080")]
        listen: String,
        /// Days of history to play.
        #[arg(long, default_value_t = 90)]
        days: u32,
        /// Build the world on this empty database instead of a temporary one.
        #[arg(long, env = "DATABASE_URL", value_parser = database_url)]
        database_url: Option<String>,
    },
    /// Serve an installed database.
    Serve {
        #[command(flatten)]
        database: Database,
        #[arg(long, env = "KONTOR_LISTEN", default_value = "127.0.0.1:8080")]
        listen: String,
        /// smtp://user:password@host:port, or smtps://…
        #[arg(long, env = "SMTP_URL", value_parser = smtp_url)]
        smtp_url: Option<String>,
        /// Seconds that the mail server may keep silent before a mail is tried again later.
        #[arg(long, env = "KONTOR_SMTP_TIMEOUT", default_value_t = 20)]
        smtp_timeout: u64,
        #[arg(long, env = "KONTOR_MAIL_FROM", default_value = "Kontor <kontor@localhost>", value_parser = mailbox)]
        mail_from: String,
        /// The address under which people reach the server.
        #[arg(long, env = "KONTOR_BASE_URL", default_value = "http://localhost:8080", value_parser = base_url)]
        base_url: String,
        /// Key of API tokens; the same for all processes on one database. None: a file in the data folder.
        #[arg(long, env = "KONTOR_SECRET", hide_env_values = true)]
        secret: Option<String>,
        /// duty: every administrator, maker, checker and operator adds a second factor before anything else. optional: only for
        /// trials.
        #[arg(long, env = "KONTOR_SECOND_FACTOR", default_value = "duty", value_parser = second_factor)]
        second_factor: SecondFactor,
        /// Address and port of /metrics (Prometheus), apart from the pages; none turns it off.
        #[arg(long, env = "KONTOR_METRICS_LISTEN")]
        metrics_listen: Option<String>,
        /// Addresses of the reverse proxies before Kontor: what they say in X-Forwarded-For counts as the sender.
        #[arg(long, env = "KONTOR_TRUSTED_PROXY", value_delimiter = ',')]
        trusted_proxy: Vec<std::net::IpAddr>,
        /// Seconds between the signal to end, when /readyz turns 503, and the end of listening.
        #[arg(long, env = "KONTOR_DRAIN", default_value_t = 5)]
        drain: u64,
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        log: LogOptions,
        #[command(flatten)]
        bank: BankOptions,
    },
    /// Make the operator and its first two or three people on an empty database; prints their passwords once.
    Setup {
        #[command(flatten)]
        database: Database,
        /// The operator's company, as it stands in mails and payment files.
        #[arg(long)]
        operator_name: String,
        /// ISO 3166-1, two letters.
        #[arg(long, default_value = "DE")]
        country: String,
        /// The platform's custody account: its IBAN, or its number where the country has none.
        #[arg(long)]
        custody_iban: String,
        /// BIC or clearing code of the bank of an account that is no IBAN.
        #[arg(long, default_value = "")]
        custody_bank: String,
        /// Currencies to trade, ISO 4217.
        #[arg(long, value_delimiter = ',', default_value = "EUR,CNY")]
        currencies: Vec<String>,
        /// Address of the operator's first person, who administers, makes and checks.
        #[arg(long)]
        first_email: String,
        /// Address of the second person, who makes and checks; a person cannot agree to their own request.
        #[arg(long)]
        second_email: String,
        /// Address of a third person with the same roles: two can go on when one has left.
        #[arg(long)]
        third_email: Option<String>,
    },
    /// Remove a person's lost second factor, where no person is left to do it on the pages; every session of the person ends.
    ResetFactor {
        #[command(flatten)]
        database: Database,
        /// The person's address.
        #[arg(long)]
        email: String,
        /// How it is known that the person has lost it; stays in the audit.
        #[arg(long)]
        reason: String,
    },
    /// Bring the database's schema up to date.
    Migrate {
        #[command(flatten)]
        database: Database,
    },
    /// Copy a database in use into a new folder, verified and with a manifest of what it is.
    Backup {
        #[command(flatten)]
        database: Database,
        /// A new or empty folder.
        folder: PathBuf,
    },
    /// Put a backup into an empty place; refuses what is damaged, unfinished, or not as far as its manifest says.
    Restore {
        #[command(flatten)]
        database: Database,
        /// The folder that `kontor backup` made.
        folder: PathBuf,
        /// A saved checkpoint, or a folder of them, that the restored log must extend; may be given several times.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
        /// The log's public key, or a file that holds it.
        #[arg(long)]
        key: Option<String>,
    },
    /// Recompute what follows from the journal, the audit and the log, and name the first row that does not fit.
    Verify {
        #[command(flatten)]
        database: Database,
        /// A saved checkpoint, or a folder of them, that the log must extend; may be given several times.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
        /// The log's public key, or a file that holds it: then saved and stored checkpoints must be signed by it.
        #[arg(long)]
        key: Option<String>,
    },
    /// Check a position proof without any database.
    VerifyProof {
        file: PathBuf,
        /// The log's public key as /log/key shows it, or a file that holds it.
        #[arg(long)]
        key: String,
    },
    /// Write the books for another accounting program.
    Export {
        #[command(flatten)]
        database: Database,
        /// hledger, ledger or beancount.
        #[arg(long)]
        format: String,
        /// A file; none means standard output.
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Print what the program is made of, as a CycloneDX list.
    Sbom,
    /// Open the file on standard input under limits; the server runs this for PDF files and archives.
    #[command(hide = true)]
    ReadFile,
    /// Make the pair of keys of the bank's channel: the secret one in a file, the public one beside it.
    BankKey {
        /// A name for the key, such as kontor.example/bank.
        #[arg(long, default_value = "kontor/bank")]
        name: String,
        /// The file of the secret key; the public one gets the same name and .pub.
        file: PathBuf,
    },
    /// Sign a bank file, so that the server takes it from the bank's folder. The transport runs this once it has the whole file.
    SignBankFile {
        file: PathBuf,
        /// The file of the secret key.
        #[arg(long, env = "KONTOR_BANK_SECRET_KEY")]
        key: PathBuf,
    },
    /// Measure on databases that it makes itself; prints JSON.
    #[cfg(feature = "demo")]
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
}

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    // The child starts for every upload: it does not wait for what it does not need.
    if std::env::args_os().nth(1).is_some_and(|task| task == server::file_reader::TASK) {
        return server::file_reader::run_child();
    }
    let cli = Cli::parse();
    let quiet = matches!(cli.command, Task::Verify { .. } | Task::Backup { .. });
    #[cfg(feature = "demo")]
    let quiet = quiet || matches!(cli.command, Task::Demo { .. } | Task::Bench { .. });
    let fallback = if quiet { "warn" } else { "info" };
    server::start_log(fallback);
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kontor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode, Failure> {
    match task {
        #[cfg(feature = "demo")]
        Task::Demo { listen, days, database_url } => demo::run(&listen, days, database_url)?,
        Task::Serve {
            database,
            listen,
            smtp_url,
            smtp_timeout,
            mail_from,
            base_url,
            secret,
            second_factor,
            metrics_listen,
            trusted_proxy,
            drain,
            limits,
            log,
            bank,
        } => {
            private_folder(&database.data)?;
            if let Some(url) = smtp_url.as_ref().filter(|_| !database.allow_plain_connections) {
                encrypted::check_mail(url)?;
            }
            let secret = match secret {
                Some(secret) if secret.len() >= 32 => secret,
                Some(_) => return Err("KONTOR_SECRET needs at least 32 characters".into()),
                None => load_secret(&database.data)?,
            };
            if let Some(folder) = &log.checkpoint_dir {
                check_folder(folder).map_err(|error| format!("--checkpoint-dir {error}"))?;
            }
            let channel = bank.bank_dir.zip(bank.bank_key).map(|(folder, key)| Channel::open(&folder, &key));
            let config = Config {
                bank: channel.transpose().map_err(|error| format!("--bank-dir: {error}"))?,
                database_url: database.url()?,
                listen: listen.clone(),
                data: database.data.clone(),
                smtp_url,
                smtp_timeout: std::time::Duration::from_secs(smtp_timeout.max(1)),
                mail_from,
                base_url,
                secret,
                second_factor,
                demo: false,
                metrics_listen,
                trusted_proxies: trusted_proxy,
                file_reader: own_program()?,
                limits,
                checkpoints: CheckpointConfig {
                    key: log.log_key.map(Secret),
                    origin: log.log_origin,
                    folder: log.checkpoint_dir,
                    mail: log.checkpoint_mail,
                },
            };
            let mut conn = store::connect(&config.database_url)?;
            store::migrate(&mut conn)?;
            if !setup::is_set_up(&mut conn)? {
                return Err("this database has no operator yet: run `kontor setup` first".into());
            }
            drop(conn);
            let running = serve::start(config, Clock::default())?;
            println!("Kontor listens on {listen}");
            running.wait_for_signal(std::time::Duration::from_secs(drain))?;
        }
        Task::Setup {
            database,
            operator_name,
            country,
            custody_iban,
            custody_bank,
            currencies,
            first_email,
            second_email,
            third_email,
        } => {
            let account = domain::bank_account::BankAccountNumber::of(&country, &custody_iban, &custody_bank);
            let account = account.map_err(|refusal| format!("--custody-iban {custody_iban}: {}", setup::sentence(&refusal)))?;
            if let Some(wrong) = currencies.iter().find(|code| domain::Currency::parse(code).is_none()) {
                return Err(format!("{wrong} is not a currency of ISO 4217").into());
            }
            let mut emails = vec![first_email, second_email];
            emails.extend(third_email);
            let different: std::collections::BTreeSet<String> =
                emails.iter().map(|email| domain::names::mail_address(email)).collect();
            if different.len() < emails.len() {
                return Err("the operator's people need different addresses".into());
            }
            let mut conn = store::connect(&database.url()?)?;
            store::migrate(&mut conn)?;
            if setup::is_set_up(&mut conn)? {
                return Err("this database is set up already".into());
            }
            let clock = Clock::default();
            let today: NaiveDate = clock.now().date();
            let user = |email: &str| FirstUser {
                name: email.split('@').next().unwrap_or(email).to_owned(),
                email: email.to_owned(),
                password: server::hash::random_token().get(..24).unwrap_or_default().to_owned(),
                roles: "administrator,maker,checker".to_owned(),
                language: "en".to_owned(),
                initial: true,
            };
            let users = emails.iter().map(|email| user(email)).collect();
            let wanted =
                Setup { operator_name, country, custody_iban: account.to_string(), business_date: today, currencies, users };
            drop(conn);
            setup::run(&database.url()?, &wanted, &clock)?;
            println!(
                "The operator is set up. These passwords are shown once, must be changed at the first sign-in, and end after 72 hours:"
            );
            for user in &wanted.users {
                println!("  {}  {}", user.email, user.password);
            }
        }
        Task::ResetFactor { database, email, reason } => {
            setup::reset_factor(&database.url()?, &email, &reason, &Clock::default())?;
            println!("{email} signs in with the password alone now, and adds a new second factor");
        }
        Task::Migrate { database } => {
            let mut conn = store::connect(&database.url()?)?;
            println!("{} migrations applied", store::migrate(&mut conn)?);
        }
        Task::VerifyProof { file, key } => {
            let key = proofs::read_key(&key)?;
            match proofs::verify_proof(&file, &key) {
                Ok(report) => print!("{report}"),
                Err(flaw) => {
                    println!("BAD: {flaw}");
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
        Task::Backup { database, folder } => {
            let made = backup::backup(&database.url()?, &folder)?;
            println!("{} audit records and {} transfers, verified, in {}", made.audit_records, made.transfers, folder.display());
        }
        Task::Restore { database, folder, checkpoint, key } => {
            let key = key.map(|key| proofs::read_key(&key)).transpose()?;
            let saved = proofs::read_checkpoints(&checkpoint, key.as_ref())?;
            let made = backup::restore(&folder, &database.url()?, &saved, key.as_ref())?;
            println!("restored {} audit records and {} transfers; everything fits", made.audit_records, made.transfers);
        }
        Task::Export { database, format, output } => {
            let format = BooksFormat::parse(&format).ok_or("--format is hledger, ledger or beancount")?;
            let mut conn = store::connect(&database.url()?)?;
            match output {
                Some(path) => export::run(&mut conn, format, &mut std::io::BufWriter::new(std::fs::File::create(path)?))?,
                None => export::run(&mut conn, format, &mut std::io::BufWriter::new(std::io::stdout().lock()))?,
            }
        }
        Task::Verify { database, checkpoint, key } => {
            let key = key.map(|key| proofs::read_key(&key)).transpose()?;
            let saved = proofs::read_checkpoints(&checkpoint, key.as_ref())?;
            let mut conn = store::connect(&database.url()?)?;
            let (coverage, finding) = store::verify::verify_against(&mut conn, &saved, key.as_ref())?;
            println!(
                "read {} transfers, {} accounts, {} audit records, {} receivables; compared {} saved checkpoints",
                coverage.transfers,
                coverage.accounts,
                coverage.audit_records,
                coverage.receivables,
                saved.len()
            );
            if let Some(finding) = finding {
                println!("BROKEN at {}: {}", finding.place, finding.problem);
                return Ok(ExitCode::FAILURE);
            }
            for account in store::custody::list(&mut conn)? {
                for (currency, minor) in store::custody::balances(&mut conn, account.id)? {
                    println!(
                        "custody account {} ({}): {} {}",
                        account.iban,
                        account.state,
                        currency.code(),
                        currency.decimal(minor)
                    );
                }
            }
            println!(
                "everything fits: each asset sums to zero, every balance follows from the journal, the log of {} records from the audit",
                coverage.log_size
            );
        }
        Task::BankKey { name, file } => println!("{}", bank_channel::make_key(&name, &file)?),
        Task::SignBankFile { file, key } => println!("{}", bank_channel::sign_file(&file, &key)?.display()),
        Task::Sbom => println!("{}", serde_json::to_string_pretty(&server::sbom::document())?),
        Task::ReadFile => return Ok(server::file_reader::run_child()),
        #[cfg(feature = "demo")]
        Task::Bench { what } => {
            println!("{}", serde_json::to_string_pretty(&bench::run(&what).map_err(|failure| failure.to_string())?)?)
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{Command, CommandFactory, Parser};

    /// Every command with one of these options, by the words that lead to it.
    fn walk(command: &Command, words: &[String], found: &mut Vec<(Vec<String>, String)>) {
        let named = command
            .get_arguments()
            .filter_map(clap::Arg::get_long)
            .filter(|long| ["database-url", "baseline-url"].contains(long));
        found.extend(named.map(|long| (words.to_vec(), format!("--{long}"))));
        for under in command.get_subcommands() {
            walk(under, &[words, &[under.get_name().to_owned()]].concat(), found);
        }
    }

    #[test]
    fn every_command_reads_the_name_of_its_database_in_the_same_way() {
        let mut found = Vec::new();
        walk(&Cli::command(), &["kontor".to_owned()], &mut found);
        assert!(found.len() > 15, "{found:?}");
        for (words, option) in found {
            let given = words.iter().map(String::as_str).chain([option.as_str(), "mysql://host/database"]);
            let refused = Cli::command().try_get_matches_from(given).unwrap_err().to_string();
            assert!(refused.contains("mysql: is no database that Kontor knows"), "{words:?}: {refused}");
        }
    }

    /// ASVS 12.3.2: every command refuses a database on another machine whose certificate is not checked.
    #[test]
    fn a_plain_connection_to_another_machine_is_refused() {
        let plain = "postgres://a:b@db.example.invalid/db";
        let given = format!("kontor migrate --database-url {plain}");
        let failure = super::run(Cli::parse_from(given.split(' ')).command).unwrap_err().to_string();
        assert!(failure.contains("sslmode=verify-full"), "{failure}");
        // Said otherwise, it goes on to look for the machine.
        let allowed = format!("{given} --allow-plain-connections");
        let failure = super::run(Cli::parse_from(allowed.split(' ')).command).unwrap_err().to_string();
        assert!(!failure.contains("sslmode=verify-full"), "{failure}");
    }

    /// A refusal is printed as a sentence, not as its code.
    #[test]
    fn setup_says_what_is_wrong_with_the_account() {
        let given = "kontor setup --operator-name X --custody-iban DE00370400440532013000 --first-email a@x.example --second-email b@x.example";
        let failure = super::run(Cli::parse_from(given.split(' ')).command).unwrap_err().to_string();
        assert!(failure.starts_with("--custody-iban DE00370400440532013000: This is not an IBAN:"), "{failure}");
    }
}
