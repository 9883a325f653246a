//! `variables.tf`: what whoever deploys may choose.

use super::write::{Hcl, body, quoted};
use crate::manifest::infra::model::{
    ACCOUNT, ADDRESSES, APPS_ADDRESSES, ENDPOINTS_ADDRESSES, INSTANCE_MEMORY, Infra,
    MAXIMUM_INSTANCES, NAME, NAMESPACE, REPLICATION, RUNTIME_VERSION, VAULT,
};

struct Variable {
    name: &'static str,
    description: &'static str,
    kind: &'static str,
    default: Option<Hcl>,
    /// When a value is taken, and what is said otherwise.
    valid: Option<(String, String)>,
}

pub(super) fn variables(infra: &Infra) -> String {
    let hosts = infra.apps.iter();
    let hosts = hosts.map(|app| (quoted(&app.key), Hcl::text(&app.host)));
    let names = names(infra, Hcl::Map(hosts.collect()));
    let namespace = (!infra.hubs.is_empty()).then(|| namespace(infra));
    let all = names.into_iter().chain(namespace);
    let all = all.chain(network()).chain(sizes());
    let all: Vec<String> = all.map(written).collect();
    all.join("\n")
}

fn names(infra: &Infra, hosts: Hcl) -> Vec<Variable> {
    let (least, most) = (NAME.start() - 1, NAME.end() - 1);
    let named = format!("can(regex(\"^[a-z][a-z0-9]{{{least},{most}}}$\", var.name))");
    let (least, most) = (VAULT.start() - 2, VAULT.end() - 2);
    let vault = format!(
        "can(regex(\"^[a-zA-Z][a-zA-Z0-9-]{{{least},{most}}}[a-zA-Z0-9]$\", var.vault_name))"
    );
    let (least, most) = (ACCOUNT.start(), ACCOUNT.end());
    let accounts = format!(
        "alltrue([for account in values(var.host_accounts) : can(regex(\"^[a-z0-9]{{{least},{most}}}$\", account))])"
    );
    vec![
        variable(
            "resource_group",
            "The resource group, which is there.",
            "string",
            None,
        ),
        Variable {
            valid: Some((
                named,
                format!(
                    "{} to {} lower-case letters and digits, a letter first.",
                    NAME.start(),
                    NAME.end()
                ),
            )),
            ..variable(
                "name",
                "What names begin with. Apps are called so in all of Azure: choose what nobody has.",
                "string",
                Some(Hcl::text(&infra.name)),
            )
        },
        Variable {
            valid: Some(match infra.names_vault {
                true => (
                    format!("var.vault_name == {}", quoted(&infra.vault)),
                    "The one that functions.toml names, and its functions ask.".to_owned(),
                ),
                false => (
                    vault,
                    format!(
                        "{} to {} letters, digits and dashes.",
                        VAULT.start(),
                        VAULT.end()
                    ),
                ),
            }),
            ..variable(
                "vault_name",
                "The vault. Vaults are called so in all of Azure.",
                "string",
                Some(Hcl::text(&infra.vault)),
            )
        },
        Variable {
            valid: Some((
                accounts,
                format!("{least} to {most} lower-case letters and digits."),
            )),
            ..variable(
                "host_accounts",
                "The accounts of the Functions host, by app.",
                "map(string)",
                Some(hosts),
            )
        },
    ]
}

fn namespace(infra: &Infra) -> Variable {
    let (least, most) = (NAMESPACE.start() - 2, NAMESPACE.end() - 2);
    let named = format!(
        "can(regex(\"^[a-zA-Z][a-zA-Z0-9-]{{{least},{most}}}[a-zA-Z0-9]$\", var.events_namespace))"
    );
    Variable {
        valid: Some((
            named,
            format!(
                "{} to {} letters, digits and dashes.",
                NAMESPACE.start(),
                NAMESPACE.end()
            ),
        )),
        ..variable(
            "events_namespace",
            "The namespace of event hubs. Namespaces are called so in all of Azure.",
            "string",
            Some(Hcl::text(&infra.namespace)),
        )
    }
}

fn network() -> Vec<Variable> {
    vec![
        variable(
            "allowed_addresses",
            "Addresses outside the network that reach the accounts, the vault and event hubs: none unless said.",
            "list(string)",
            Some(Hcl::List(Vec::new())),
        ),
        variable(
            "action_groups",
            "The action groups that are told of alerts, by their resource ids: none unless said.",
            "list(string)",
            Some(Hcl::List(Vec::new())),
        ),
        variable(
            "public_faces",
            "Whether clients reach the apps from the internet. Each is asked for a key of the function.",
            "bool",
            Some(Hcl::Bool(false)),
        ),
        variable(
            "address_space",
            "Of the network.",
            "string",
            Some(Hcl::text(ADDRESSES)),
        ),
        variable(
            "apps_addresses",
            "One half of it.",
            "string",
            Some(Hcl::text(APPS_ADDRESSES)),
        ),
        variable(
            "endpoints_addresses",
            "The other half.",
            "string",
            Some(Hcl::text(ENDPOINTS_ADDRESSES)),
        ),
    ]
}

fn sizes() -> Vec<Variable> {
    vec![
        variable(
            "encryption_key",
            "The key of the vault that encrypts the accounts; empty: a key of Microsoft.",
            "string",
            Some(Hcl::text("")),
        ),
        variable(
            "replication",
            "How the account of the data is replicated.",
            "string",
            Some(Hcl::text(REPLICATION)),
        ),
        variable(
            "zone_redundant",
            "Whether what runs is spread over zones, of which a region may have none.",
            "bool",
            Some(Hcl::Bool(false)),
        ),
        variable(
            "runtime_version",
            "As Flex Consumption calls the runtime of custom handlers.",
            "string",
            Some(Hcl::text(RUNTIME_VERSION)),
        ),
        variable(
            "instance_memory",
            "Of an instance, in MB.",
            "number",
            Some(Hcl::Number(INSTANCE_MEMORY)),
        ),
        variable(
            "maximum_instances",
            "Of each app.",
            "number",
            Some(Hcl::Number(MAXIMUM_INSTANCES)),
        ),
    ]
}

fn variable(
    name: &'static str,
    description: &'static str,
    kind: &'static str,
    default: Option<Hcl>,
) -> Variable {
    let valid = None;
    Variable {
        name,
        description,
        kind,
        default,
        valid,
    }
}

fn written(variable: Variable) -> String {
    let mut entries = vec![
        ("description".to_owned(), Hcl::text(variable.description)),
        ("type".to_owned(), Hcl::Code(variable.kind.to_owned())),
    ];
    entries.extend(
        variable
            .default
            .map(|default| ("default".to_owned(), default)),
    );
    let valid = variable.valid.map(|(condition, otherwise)| {
        let entries = [
            ("condition".to_owned(), Hcl::Code(condition)),
            ("error_message".to_owned(), Hcl::Text(otherwise)),
        ];
        format!("\n  validation {{\n{}  }}\n", body(&entries, 4))
    });
    format!(
        "variable \"{}\" {{\n{}{}}}\n",
        variable.name,
        body(&entries, 2),
        valid.unwrap_or_default()
    )
}
