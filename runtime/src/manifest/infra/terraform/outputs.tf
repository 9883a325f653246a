# What publishes an app: func azure functionapp publish NAME --custom
output "apps" {
  description = "The name of each function's app."
  value       = { for function, app in azurerm_function_app_flex_consumption.app : function => app.name }
}

output "faces" {
  description = "Where each app answers."
  value       = { for function, app in azurerm_function_app_flex_consumption.app : function => "https://${app.default_hostname}" }
}

output "vault" {
  description = "Where the secrets' values are put."
  value       = azurerm_key_vault.main.vault_uri
}
