# What somebody on call is told of. Nobody is, until action groups are named.
resource "azurerm_monitor_scheduled_query_rules_alert_v2" "alert" {
  for_each = local.alerts

  name                    = "${var.name}-${each.key}"
  display_name            = "${var.name}: ${each.key}"
  description             = each.value.what
  location                = data.azurerm_resource_group.main.location
  resource_group_name     = data.azurerm_resource_group.main.name
  scopes                  = [azurerm_application_insights.main.id]
  severity                = each.value.severity
  evaluation_frequency    = each.value.every
  window_duration         = each.value.window
  auto_mitigation_enabled = true

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Maximum"
    metric_measure_column   = each.value.measure
    operator                = "GreaterThan"
    threshold               = each.value.above

    dynamic "dimension" {
      for_each = each.value.by

      content {
        name     = dimension.value
        operator = "Include"
        values   = ["*"]
      }
    }

    failing_periods {
      number_of_evaluation_periods             = 1
      minimum_failing_periods_to_trigger_alert = 1
    }
  }

  action {
    action_groups = var.action_groups
  }
}
