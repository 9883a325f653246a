# A blob that comes in is told to the queue of the function that reads it.
resource "azurerm_eventgrid_system_topic" "incoming" {
  count = length(local.subscriptions) > 0 ? 1 : 0

  name                = "${var.name}-incoming"
  location            = data.azurerm_resource_group.main.location
  resource_group_name = data.azurerm_resource_group.main.name
  source_resource_id  = azurerm_storage_account.data.id
  topic_type          = "Microsoft.Storage.StorageAccounts"

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.events[0].id]
  }
}

resource "azurerm_eventgrid_system_topic_event_subscription" "incoming" {
  for_each = local.subscriptions

  name                  = each.key
  system_topic          = azurerm_eventgrid_system_topic.incoming[0].name
  resource_group_name   = data.azurerm_resource_group.main.name
  event_delivery_schema = "EventGridSchema"
  included_event_types  = ["Microsoft.Storage.BlobCreated"]

  delivery_identity {
    type                   = "UserAssigned"
    user_assigned_identity = azurerm_user_assigned_identity.events[0].id
  }

  storage_queue_endpoint {
    storage_account_id = azurerm_storage_account.data.id
    queue_name         = each.value.queue
    # Never: what nobody works on waits.
    queue_message_time_to_live_in_seconds = -1
  }

  subject_filter {
    subject_begins_with = each.value.begins
    subject_ends_with   = each.value.ends
    case_sensitive      = true
  }

  retry_policy {
    max_delivery_attempts = 30
    event_time_to_live    = 1440
  }

  depends_on = [azurerm_role_assignment.granted, azurerm_storage_queue.data]
}

resource "azurerm_monitor_diagnostic_setting" "events" {
  count = length(local.subscriptions) > 0 ? 1 : 0

  name                       = "to-workspace"
  target_resource_id         = azurerm_eventgrid_system_topic.incoming[0].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id

  dynamic "enabled_log" {
    for_each = local.logged.events

    content {
      category = enabled_log.value
    }
  }
}
