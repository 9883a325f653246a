//! Both formats say the same: what follows from the pipeline, and what stands in
//! their files as it is.

use super::{in_bicep, in_terraform, read_bicep, read_terraform, sample};
use crate::manifest::ALERTS;
use crate::manifest::infra::tests::read_bicep::Value;

#[test]
fn the_same_is_there_in_both() {
    let (bicep, terraform) = (
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    );
    let there = |name: &str| read_terraform::texts(&read_terraform::local(&terraform, name));
    assert_eq!(there("containers"), ["incoming", "kept"]);
    assert_eq!(
        there("queues"),
        [
            "customers-ready",
            "customers-ready-poison",
            "heard",
            "hearing-events",
            "hearing-events-poison",
            "model-trained",
            "monitoring-due-poison",
            "raw-arrived",
            "raw-arrived-poison",
        ]
    );
    assert_eq!(
        there("apps"),
        [
            "hearing",
            "inference",
            "ingestion",
            "monitoring",
            "training"
        ]
    );
    for name in ["containers", "queues"] {
        assert_eq!(read_bicep::variable(&bicep, name).texts(), there(name));
    }
    let modules = read_bicep::modules(&bicep);
    let apps = modules
        .iter()
        .filter_map(|(symbol, _)| symbol.strip_prefix("app_"));
    assert_eq!(apps.collect::<Vec<_>>(), there("apps"));

    for name in ["zones", "logged"] {
        let object = read_terraform::entries(&read_terraform::local(&terraform, name));
        for (key, value) in object {
            let other = read_bicep::variable(&bicep, name);
            let other = other.at(&key).unwrap_or_else(|| panic!("{name}: no {key}"));
            match other {
                Value::List(_) => assert_eq!(other.texts(), read_terraform::texts(&value)),
                _ => assert_eq!(other.as_text(), read_terraform::text(&value)),
            }
        }
    }
    for (name, other) in [
        ("recovery_days", "recoveryDays"),
        ("retention_days", "retentionDays"),
        ("vault_recovery_days", "vaultRecoveryDays"),
        ("event_hours", "eventHours"),
        ("partitions", "partitions"),
        ("data_account", "dataAccount"),
    ] {
        let value = read_terraform::text(&read_terraform::local(&terraform, name));
        assert_eq!(
            read_bicep::variable(&bicep, other).as_text(),
            value,
            "{name}"
        );
    }
}

#[test]
fn hubs_are_the_same_and_only_where_somebody_hears_of_events() {
    let (bicep, terraform) = (
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    );
    let names = read_terraform::texts(&read_terraform::local(&terraform, "hub_names"));
    assert_eq!(names, ["Customer.events"]);
    assert_eq!(read_bicep::variable(&bicep, "hubNames").texts(), names);
    let groups = read_terraform::entries(&read_terraform::local(&terraform, "hub_groups"));
    let Value::List(others) = read_bicep::variable(&bicep, "hubGroups") else {
        panic!("groups are a list")
    };
    assert_eq!((groups.len(), others.len()), (1, 1));
    for (key, value) in read_terraform::entries(&groups[0].1) {
        let value = read_terraform::text(&value);
        assert_eq!(others[0].at(&key).unwrap().as_text(), value);
    }
    let parameters = read_bicep::parameters(&bicep);
    let namespace = ("eventsNamespace".to_owned(), "evhns-churn".to_owned());
    assert!(parameters.contains(&namespace));
    assert_eq!(
        read_bicep::variable(&bicep, "zones")
            .at("namespace")
            .unwrap()
            .as_text(),
        "privatelink.servicebus.windows.net"
    );
    let settings = read_terraform::entries(&read_terraform::local(&terraform, "settings"));
    let of = |app: &str| {
        let found = settings.iter().find(|(known, _)| known == app).unwrap();
        let entries = read_terraform::entries(&found.1).into_iter();
        let events = entries.filter(|(name, _)| name.starts_with("CUTLINE_EVENTS__"));
        events.map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(
        of("hearing"),
        ["clientId", "credential", "fullyQualifiedNamespace"]
            .map(|it| format!("CUTLINE_EVENTS__{it}"))
    );
    assert_eq!(of("ingestion"), [""; 0]);

    // A pipeline that hears of none has none.
    let without = crate::manifest::sample::FILE;
    let (bicep, terraform) = (in_bicep(without).unwrap(), in_terraform(without).unwrap());
    assert!(!terraform.contains_key("hubs.tf"));
    assert!(!bicep["main.bicep"].contains("Namespace"));
    assert_eq!(read_bicep::variable(&bicep, "zones").at("namespace"), None);
}

#[test]
fn alerts_are_the_same() {
    let (bicep, terraform) = (
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    );
    let there = read_terraform::entries(&read_terraform::local(&terraform, "alerts"));
    let Value::List(alerts) = read_bicep::variable(&bicep, "alerts") else {
        panic!("alerts are a list")
    };
    assert_eq!(alerts.len(), ALERTS.len());
    for ((alert, (name, other)), known) in alerts.iter().zip(&there).zip(ALERTS) {
        assert_eq!(
            (name.as_str(), alert.at("name").unwrap().as_text()),
            (known.name, known.name)
        );
        for (key, value) in read_terraform::entries(other) {
            if key == "by" {
                let Some(Value::List(dimensions)) = alert.at("dimensions") else {
                    panic!("{alert:?}")
                };
                let columns = dimensions.iter().map(|by| by.at("name").unwrap().as_text());
                assert_eq!(columns.collect::<Vec<_>>(), read_terraform::texts(&value));
                continue;
            }
            let said = alert.at(&key).unwrap().as_text();
            assert_eq!(said, read_terraform::text(&value), "{name}: {key}");
        }
        assert_eq!(alert.at("query").unwrap().as_text(), known.query);
    }
}

#[test]
fn event_grid_tells_the_same_queues() {
    let (bicep, terraform) = (
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    );
    let told = read_terraform::entries(&read_terraform::local(&terraform, "subscriptions"));
    let [(name, told)] = &told[..] else {
        panic!("{told:?}")
    };
    let told: Vec<(String, String)> = read_terraform::entries(told)
        .iter()
        .map(|(key, value)| (key.clone(), read_terraform::text(value)))
        .collect();
    let entry = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(name, "incoming-ingestion");
    assert_eq!(
        told,
        [
            entry("begins", "/blobServices/default/containers/incoming/blobs/"),
            entry("ends", ".csv"),
            entry("queue", "raw-arrived"),
        ]
    );
    let modules = read_bicep::modules(&bicep);
    let (_, events) = modules
        .iter()
        .find(|(symbol, _)| symbol == "events")
        .unwrap();
    let Some(Value::List(subscriptions)) = events.at("params.subscriptions") else {
        panic!("{events:?}")
    };
    for (key, value) in &told {
        assert_eq!(subscriptions[0].at(key).unwrap().as_text(), value);
    }
}

/// What each app finds in its environment; a secret's value is in none.
#[test]
fn settings_are_the_same() {
    let (bicep, terraform) = (
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    );
    let settings = read_terraform::entries(&read_terraform::local(&terraform, "settings"));
    let (_, ingestion) = settings.iter().find(|(app, _)| app == "ingestion").unwrap();
    let ingestion: Vec<String> = read_terraform::entries(ingestion)
        .iter()
        .map(|(name, value)| format!("{name} {}", read_terraform::text(value)))
        .collect();
    let identity = "azurerm_user_assigned_identity.app[\"ingestion\"].client_id";
    assert_eq!(
        ingestion,
        [
            format!(
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING \"ClientId=${{{identity}}};Authorization=AAD\""
            ),
            "APPLICATIONINSIGHTS_CONNECTION_STRING azurerm_application_insights.main.connection_string"
                .to_owned(),
            format!("AZURE_CLIENT_ID {identity}"),
            "AZURE_TOKEN_CREDENTIALS ManagedIdentityCredential".to_owned(),
            "AzureWebJobsStorage__accountName azurerm_storage_account.host[\"ingestion\"].name"
                .to_owned(),
            format!("AzureWebJobsStorage__clientId {identity}"),
            "AzureWebJobsStorage__credential managedidentity".to_owned(),
            "CHURN_TOKEN \"@Microsoft.KeyVault(SecretUri=${azurerm_key_vault.main.vault_uri}secrets/churn-token)\"".to_owned(),
            "CUTLINE__blobServiceUri https://churn.blob.core.windows.net".to_owned(),
            format!("CUTLINE__clientId {identity}"),
            "CUTLINE__credential managedidentity".to_owned(),
            "CUTLINE__queueServiceUri https://churn.queue.core.windows.net".to_owned(),
        ]
    );
    let modules = read_bicep::modules(&bicep);
    let (_, app) = modules
        .iter()
        .find(|(symbol, _)| symbol == "app_ingestion")
        .unwrap();
    let Some(Value::Object(settings)) = app.at("params.settings") else {
        panic!("{app:?}")
    };
    let settings: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("{name} {}", value.as_text()))
        .collect();
    let identity = "identity_ingestion.properties.clientId";
    assert_eq!(
        settings,
        [
            format!(
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING 'ClientId=${{{identity}}};Authorization=AAD'"
            ),
            "APPLICATIONINSIGHTS_CONNECTION_STRING monitoring.outputs.connectionString".to_owned(),
            format!("AZURE_CLIENT_ID {identity}"),
            "AZURE_TOKEN_CREDENTIALS ManagedIdentityCredential".to_owned(),
            "AzureWebJobsStorage__accountName account_ingestion.outputs.name".to_owned(),
            format!("AzureWebJobsStorage__clientId {identity}"),
            "AzureWebJobsStorage__credential managedidentity".to_owned(),
            "CHURN_TOKEN '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/churn-token)'"
                .to_owned(),
            "CUTLINE__blobServiceUri https://churn.blob.core.windows.net".to_owned(),
            format!("CUTLINE__clientId {identity}"),
            "CUTLINE__credential managedidentity".to_owned(),
            "CUTLINE__queueServiceUri https://churn.queue.core.windows.net".to_owned(),
        ]
    );
}

/// A property in Terraform and in Bicep, and what both say in their own way.
type Said = (&'static str, &'static str, &'static str, &'static str);

/// By kinds: what holds of each there is.
const DECIDED: &[(&str, &str, &[Said])] = &[
    (
        "azurerm_storage_account",
        "Microsoft.Storage/storageAccounts",
        &[
            (
                "min_tls_version",
                "TLS1_2",
                "properties.minimumTlsVersion",
                "TLS1_2",
            ),
            (
                "https_traffic_only_enabled",
                "true",
                "properties.supportsHttpsTrafficOnly",
                "true",
            ),
            (
                "shared_access_key_enabled",
                "false",
                "properties.allowSharedKeyAccess",
                "false",
            ),
            (
                "local_user_enabled",
                "false",
                "properties.isLocalUserEnabled",
                "false",
            ),
            (
                "allow_nested_items_to_be_public",
                "false",
                "properties.allowBlobPublicAccess",
                "false",
            ),
            (
                "cross_tenant_replication_enabled",
                "false",
                "properties.allowCrossTenantReplication",
                "false",
            ),
            (
                "infrastructure_encryption_enabled",
                "true",
                "properties.encryption.requireInfrastructureEncryption",
                "true",
            ),
            (
                "public_network_access_enabled",
                "length(var.allowed_addresses) > 0",
                "properties.publicNetworkAccess",
                "publicNetworkAccess",
            ),
            (
                "network_rules.default_action",
                "Deny",
                "properties.networkAcls.defaultAction",
                "Deny",
            ),
            (
                "queue_encryption_key_type",
                "Account",
                "properties.encryption.services.queue.keyType",
                "Account",
            ),
            ("account_kind", "StorageV2", "kind", "StorageV2"),
        ],
    ),
    (
        "azurerm_key_vault",
        "Microsoft.KeyVault/vaults",
        &[
            (
                "rbac_authorization_enabled",
                "true",
                "properties.enableRbacAuthorization",
                "true",
            ),
            (
                "purge_protection_enabled",
                "true",
                "properties.enablePurgeProtection",
                "true",
            ),
            (
                "soft_delete_retention_days",
                "local.vault_recovery_days",
                "properties.softDeleteRetentionInDays",
                "recoveryDays",
            ),
            (
                "public_network_access_enabled",
                "length(var.allowed_addresses) > 0",
                "properties.publicNetworkAccess",
                "publicNetworkAccess",
            ),
            (
                "network_acls.default_action",
                "Deny",
                "properties.networkAcls.defaultAction",
                "Deny",
            ),
            (
                "network_acls.bypass",
                "AzureServices",
                "properties.networkAcls.bypass",
                "AzureServices",
            ),
        ],
    ),
    (
        "azapi_resource",
        "Microsoft.Web/sites",
        &[
            (
                "body.properties.httpsOnly",
                "true",
                "properties.httpsOnly",
                "true",
            ),
            (
                "body.properties.publicNetworkAccess",
                "var.public_faces ? \"Enabled\" : \"Disabled\"",
                "properties.publicNetworkAccess",
                "publicNetworkAccess",
            ),
            (
                "body.properties.functionAppConfig.runtime.name",
                "custom",
                "properties.functionAppConfig.runtime.name",
                "custom",
            ),
            (
                "body.properties.functionAppConfig.deployment.storage.authentication.type",
                "UserAssignedIdentity",
                "properties.functionAppConfig.deployment.storage.authentication.type",
                "UserAssignedIdentity",
            ),
            (
                "body.properties.siteConfig.minTlsVersion",
                "1.2",
                "properties.siteConfig.minTlsVersion",
                "1.2",
            ),
            (
                "body.properties.siteConfig.scmMinTlsVersion",
                "1.2",
                "properties.siteConfig.scmMinTlsVersion",
                "1.2",
            ),
            (
                "body.properties.siteConfig.http20Enabled",
                "true",
                "properties.siteConfig.http20Enabled",
                "true",
            ),
            (
                "body.properties.siteConfig.ftpsState",
                "Disabled",
                "properties.siteConfig.ftpsState",
                "Disabled",
            ),
            (
                "body.properties.keyVaultReferenceIdentity",
                "azurerm_user_assigned_identity.app[each.key].id",
                "properties.keyVaultReferenceIdentity",
                "identity",
            ),
            (
                "identity.type",
                "UserAssigned",
                "identity.type",
                "UserAssigned",
            ),
        ],
    ),
    (
        "azapi_update_resource",
        "basicPublishingCredentialsPolicies",
        &[(
            "body.properties.allow",
            "false",
            "properties.allow",
            "false",
        )],
    ),
    (
        "azurerm_service_plan",
        "Microsoft.Web/serverfarms",
        &[("sku_name", "FC1", "sku.name", "FC1")],
    ),
    (
        "azurerm_application_insights",
        "Microsoft.Insights/components",
        &[(
            "local_authentication_enabled",
            "false",
            "properties.DisableLocalAuth",
            "true",
        )],
    ),
    (
        "azurerm_log_analytics_workspace",
        "Microsoft.OperationalInsights/workspaces",
        &[(
            "local_authentication_enabled",
            "false",
            "properties.features.disableLocalAuth",
            "true",
        )],
    ),
    (
        "azurerm_storage_container",
        "Microsoft.Storage/storageAccounts/blobServices/containers",
        &[(
            "container_access_type",
            "private",
            "properties.publicAccess",
            "None",
        )],
    ),
    (
        "azurerm_eventhub_namespace",
        "Microsoft.EventHub/namespaces",
        &[
            (
                "local_authentication_enabled",
                "false",
                "properties.disableLocalAuth",
                "true",
            ),
            (
                "minimum_tls_version",
                "1.2",
                "properties.minimumTlsVersion",
                "1.2",
            ),
            (
                "public_network_access_enabled",
                "length(var.allowed_addresses) > 0",
                "properties.publicNetworkAccess",
                "publicNetworkAccess",
            ),
            ("sku", "Standard", "sku.name", "Standard"),
            (
                "maximum_throughput_units",
                "4",
                "properties.maximumThroughputUnits",
                "4",
            ),
        ],
    ),
    (
        "azurerm_eventhub",
        "Microsoft.EventHub/namespaces/eventhubs",
        &[
            (
                "partition_count",
                "local.partitions",
                "properties.partitionCount",
                "partitions",
            ),
            (
                "retention_description.retention_time_in_hours",
                "local.event_hours",
                "properties.retentionDescription.retentionTimeInHours",
                "eventHours",
            ),
        ],
    ),
    (
        "azurerm_eventgrid_system_topic_event_subscription",
        "Microsoft.EventGrid/systemTopics/eventSubscriptions",
        &[
            (
                "delivery_identity.type",
                "UserAssigned",
                "properties.deliveryWithResourceIdentity.identity.type",
                "UserAssigned",
            ),
            (
                "storage_queue_endpoint.queue_message_time_to_live_in_seconds",
                "-1",
                "properties.deliveryWithResourceIdentity.destination.properties.queueMessageTimeToLiveInSeconds",
                "-1",
            ),
            (
                "retry_policy.max_delivery_attempts",
                "30",
                "properties.retryPolicy.maxDeliveryAttempts",
                "30",
            ),
            (
                "subject_filter.case_sensitive",
                "true",
                "properties.filter.isSubjectCaseSensitive",
                "true",
            ),
        ],
    ),
];

#[test]
fn what_is_decided_holds_of_each_in_both() {
    let (bicep, terraform) = (
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    );
    let in_bicep = read_bicep::resources(&bicep);
    let in_terraform = read_terraform::resources(&terraform);
    for (kind, other, said) in DECIDED {
        let ours: Vec<_> = in_terraform
            .iter()
            .filter(|(known, ..)| known == kind)
            .collect();
        let theirs: Vec<_> = in_bicep
            .iter()
            .filter(|resource| resource.kind == *other && !resource.is_there)
            .collect();
        assert!(!ours.is_empty() && !theirs.is_empty(), "{kind}");
        for (property, value, path, expected) in *said {
            for (_, name, body) in &ours {
                let found = read_terraform::at(body, property);
                assert_eq!(found.as_deref(), Some(*value), "{kind}.{name} {property}");
            }
            for resource in &theirs {
                let found = resource.body.at(path).map(Value::as_text);
                assert_eq!(found, Some(*expected), "{} {path}", resource.symbol);
            }
        }
    }
}

/// Only by names as parameters, and by nothing that is secret.
#[test]
fn no_template_asks_for_a_secret_or_a_key() {
    for files in [
        in_bicep(&sample()).unwrap(),
        in_terraform(&sample()).unwrap(),
    ] {
        for (path, text) in files {
            for word in [
                "listKeys",
                "primary_access_key",
                "connection_string_",
                "AccountKey",
                "storage_access_key",
                "azurerm_key_vault_secret\"",
            ] {
                assert!(!text.contains(word), "{path}: {word}");
            }
        }
    }
}

#[test]
fn the_same_pipeline_gives_the_same_bytes() {
    assert_eq!(in_bicep(&sample()), in_bicep(&sample()));
    assert_eq!(in_terraform(&sample()), in_terraform(&sample()));
}
