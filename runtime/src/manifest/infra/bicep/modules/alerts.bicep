// What somebody on call is told of. Nobody is, until action groups are named.

param location string
param name string
param insightsName string
param alerts array
param actionGroups array

resource watched 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for alert in alerts: {
    name: '${name}-${alert.name}'
    location: location
    properties: {
      displayName: '${name}: ${alert.name}'
      description: alert.what
      severity: alert.severity
      enabled: true
      scopes: [
        watched.id
      ]
      evaluationFrequency: alert.every
      windowSize: alert.window
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Maximum'
            metricMeasureColumn: alert.measure
            dimensions: alert.dimensions
            operator: 'GreaterThan'
            threshold: json(alert.above)
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      autoMitigate: true
      actions: {
        actionGroups: actionGroups
      }
    }
  }
]
