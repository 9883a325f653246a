//! `README.md` beside the templates: how what they describe is made, and what
//! is left to do by hand.

use super::model::{App, Infra};

pub(super) fn bicep(infra: &Infra) -> String {
    let deploy = "\
az provider register --namespace Microsoft.App --wait
az group create --name RESOURCE_GROUP --location REGION
az deployment group create --resource-group RESOURCE_GROUP --template-file main.bicep --parameters name=NAME";
    let outputs = "az deployment group show --resource-group RESOURCE_GROUP --name main --query properties.outputs";
    readme(
        infra,
        "Bicep",
        deploy,
        outputs,
        [
            "allowedAddresses",
            "publicFaces",
            "encryptionKey",
            "actionGroups",
        ],
    )
}

pub(super) fn terraform(infra: &Infra) -> String {
    let deploy = "\
az provider register --namespace Microsoft.App --wait
az group create --name RESOURCE_GROUP --location REGION
export ARM_SUBSCRIPTION_ID=SUBSCRIPTION
terraform init
terraform plan -out plan -var resource_group=RESOURCE_GROUP -var name=NAME
terraform apply plan";
    let outputs = "terraform output";
    let names = [
        "allowed_addresses",
        "public_faces",
        "encryption_key",
        "action_groups",
    ];
    let state = "\
Terraform keeps what it knows in a state: name a backend for it that only those read who deploy. No secret's value is in it.\n\n";
    readme(infra, "Terraform", deploy, outputs, names).replace("## 2.", &format!("{state}## 2."))
}

fn readme(
    infra: &Infra,
    format: &str,
    deploy: &str,
    outputs: &str,
    [addresses, faces, key, groups]: [&str; 4],
) -> String {
    let mut readme = format!(
        "\
# What the pipeline runs on, in {format}

Written by `cutline manifest --format {lower}` from functions.toml: write it again after a change there. It makes {apps} apps of Azure Functions, each with an identity of its own, the storage account {account} that they keep things in, and what these need: accounts of the Functions host, a Key Vault, Event Grid,{hubs} a network with private endpoints, logs and telemetry. Nothing of it is reached from outside the network, and no account takes a key.

Who deploys has to be Owner of the resource group, or Contributor and Role Based Access Control Administrator.

## 1. The resources

```console
{deploy}
{outputs}
```

{account} is the account that functions.toml names, and apps, vaults and accounts are called so in all of Azure: where a name is taken, choose another one, of {account} in functions.toml.

## 2. The secrets

{secrets}
## 3. The apps

For each function an app, published from inside the network (or from one of `{addresses}` with `{faces}`), by somebody who is Storage Blob Data Contributor of the app's host account:

```console
{publish}```

## To open and to close

- `{addresses}`: addresses outside the network that reach the accounts{and_hubs} and the vault. None, unless told.
- `{faces}`: clients reach the apps from the internet. Otherwise only from the network, by a private endpoint; each is asked for a key of the function, either way.
- `{key}`: a key of the vault that encrypts the accounts. Deploy without it once, so that the vault is there; make the key (`az keyvault key create --vault-name VAULT --name KEY --kty RSA --size 3072`), and deploy again with its name.
- `{groups}`: who is told of alerts: answers that differ, errors, latency, drift, work in a poison queue. Nobody, unless told.

## The roles

{roles} lists every role, each on one container, queue or secret. What the Functions host does as an app's identity takes two more: Storage Blob Data Owner of the host account, which is the app's alone, and Monitoring Metrics Publisher of Application Insights.
",
        lower = format.to_ascii_lowercase(),
        apps = infra.apps.len(),
        account = infra.account,
        hubs = match infra.hubs.is_empty() {
            true => "",
            false => " event hubs,",
        },
        and_hubs = match infra.hubs.is_empty() {
            true => "",
            false => ", the event hubs",
        },
        secrets = secrets(infra),
        publish = infra.apps.iter().map(publish).collect::<String>(),
        roles = match format {
            "Bicep" => "`modules/roles.bicep`",
            _ => "`roles.tf`",
        },
    );
    if !infra.subscriptions.is_empty() {
        readme.push_str(&told(infra));
    }
    if !infra.hubs.is_empty() {
        readme.push_str(&heard(infra));
    }
    readme
}

fn secrets(infra: &Infra) -> String {
    let mut names: Vec<&str> = infra.apps.iter().flat_map(App::secrets).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return "functions.toml names none.\n\n".to_owned();
    }
    let put = names.iter().map(|name| {
        format!("az keyvault secret set --vault-name VAULT --name {name} --file FILE\n")
    });
    format!(
        "Their values are put into the vault by hand, by somebody who is Key Vault Secrets Officer there, from inside the network; the apps' settings refer to them. Where a role on a secret is refused because there is no such secret yet, put it there and deploy again.\n\n```console\n{}```\n\n",
        put.collect::<String>()
    )
}

fn publish(app: &App) -> String {
    let App { key, function, .. } = app;
    format!(
        "cutline manifest --only {function} --out app-{key} && (cd app-{key} && func azure functionapp publish NAME-{key} --custom)\n"
    )
}

fn heard(infra: &Infra) -> String {
    let hubs = infra.hubs.iter();
    let hubs: String = hubs.map(|hub| format!("- `{}`\n", hub.name)).collect();
    format!(
        "\n## What is heard of\n\nWhoever sends events has to be Azure Event Hubs Data Sender of the hub, which nobody is here, and inside the network:\n\n{hubs}"
    )
}

fn told(infra: &Infra) -> String {
    let told = infra.subscriptions.iter().map(|told| {
        let inside = told.begins.split("/blobs/").nth(1).unwrap_or_default();
        let inside = format!("{inside}…{}", told.ends);
        format!(
            "- `{}` to the queue `{}`\n",
            inside.replace('`', "'"),
            told.queue
        )
    });
    format!(
        "\n## What comes in\n\nEvent Grid tells of blobs that are created in the container of what comes in:\n\n{}",
        told.collect::<String>()
    )
}
