use crate::cut::testing::Given;

/// The operations that are found, a line each; `?` where the code does not say.
fn operations(text: &str) -> String {
    let given = Given::new(
        text,
        &[
            ("prepare", "preprocessing"),
            ("helper", "preprocessing"),
            ("train", "training"),
            ("predict", "inference"),
        ],
    )
    .route("POST", "/predict", "predict", "flask");
    given.with_plan(|_, plan| {
        let lines = plan.operations.iter().map(|operation| {
            let keys = operation.keys.iter().map(|key| match &key.value {
                Some(value) => format!(" {}={value}", key.name),
                None => format!(" {}=?", key.name),
            });
            let only = if operation.only_fit { " only-fit" } else { "" };
            format!("{}{only}{}", operation.kind, keys.collect::<String>())
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

const HEAD: &str = "import numpy as np\nimport pandas as pd\n\
    from sklearn.compose import ColumnTransformer\n\
    from sklearn.ensemble import RandomForestClassifier\n\
    from sklearn.impute import SimpleImputer\n\
    from sklearn.linear_model import LogisticRegression\n\
    from sklearn.model_selection import train_test_split\n\
    from sklearn.pipeline import Pipeline\n\
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler\n";

#[track_caller]
fn check(body: &str, expected: &str) {
    let found = operations(&format!("{HEAD}{body}"));
    assert_eq!(found, expected, "of\n{body}");
}

#[test]
fn columns_are_filled_clipped_and_made_in_the_order_of_the_code() {
    check(
        "CAP = 100\n\
         def helper(frame, above, below, floor=1.0):\n    \
             return frame[above] / np.maximum(frame[below], floor)\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             df['city'] = df['city'].fillna('unknown')\n    \
             df['age'] = df['age'].fillna(df['age'].median())\n    \
             df['fare'] = df['fare'].clip(0, upper=CAP)\n    \
             df['rate'] = helper(df, 'fare', below='months')\n    \
             df['size'] = np.log1p(df['size'])\n    \
             return df\n",
        "impute columns=[\"city\"] with=\"constant\" value=\"unknown\"\n\
         impute columns=[\"age\"] with=\"median\"\n\
         clip only-fit columns=[\"fare\"] lower=0 upper=100\n\
         derive columns={\"rate\":\"fare / max(months, 1.0)\"}\n\
         log columns=[\"size\"] plus_one=true",
    );
}

#[test]
fn an_estimate_waits_beside_what_was_learnt_before() {
    check(
        "NUMBERS = ['a', 'b']\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             values = {name: float(df[name].median()) for name in NUMBERS}\n    \
             guess = df['b'] * 2\n    \
             df['a'] = df['a'].fillna(guess)\n    \
             for name in NUMBERS:\n        \
                 df[name] = df[name].fillna(values.get(name, 0.0))\n    \
             return df\n",
        "derive columns={\"a_estimate\":\"coalesce(a, b * 2)\"}\n\
         impute columns=[\"a\"] with=\"median\"\n\
         derive columns={\"a\":\"coalesce(a_estimate, a)\"}\n\
         drop columns=[\"a_estimate\"]\n\
         impute columns=[\"b\"] with=\"median\"",
    );
}

#[test]
fn rows_are_kept_by_rules() {
    check(
        "LIMITS = {'age': (16, 110), 'fare': (0, 9)}\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             df = df[(df['x'] > 0) & ~df['y'].isna()]\n    \
             keep = pd.Series(True, index=df.index)\n    \
             for name, (low, high) in LIMITS.items():\n        \
                 keep &= df[name].between(low, high)\n    \
             df = df[keep].drop_duplicates(subset='id', keep='last')\n    \
             return df.dropna(subset=['z'])\n",
        "filter only-fit keep={\"line_13\":\"x > 0 and not is_missing(y)\",\
         \"line_16\":\"between(age, 16, 110)\",\"line_16_2\":\"between(fare, 0, 9)\"}\n\
         drop-duplicates only-fit by=[\"id\"] keep=\"last\"\n\
         drop-missing only-fit columns=[\"z\"]",
    );
}

#[test]
fn tables_are_grouped_and_joined() {
    check(
        "def profile(conn):\n    \
             calls = pd.read_sql('SELECT id, minutes FROM calls', conn)\n    \
             by_id = calls.groupby('id')\n    \
             return by_id.agg(mean_minutes=('minutes', 'mean')).reset_index()\n\
         def prepare(conn):\n    \
             df = pd.read_sql('SELECT * FROM people WHERE age >= 18', conn)\n    \
             df = df.merge(profile(conn), on='id', how='left')\n    \
             return df\n",
        "read table=\"people\" columns=?\n\
         filter only-fit keep={\"selected\":\"age >= 18\"}\n\
         read table=\"calls\" columns=[\"id\",\"minutes\"]\n\
         aggregate table=\"calls\" by=[\"id\"] columns={\"mean_minutes\":[\"minutes\",\"mean\"]}\n\
         join with=\"calls\" on=[\"id\"] how=\"left\"",
    );
}

#[test]
fn a_pipeline_says_its_transformers_and_its_model() {
    check(
        "NUMBERS = ['age', 'fare']\n\
         def build():\n    \
             numeric = Pipeline([('fill', SimpleImputer(strategy='median')), ('scale', StandardScaler())])\n    \
             columns = ColumnTransformer([\n        \
                 ('n', numeric, NUMBERS),\n        \
                 ('c', OneHotEncoder(handle_unknown='ignore'), ['plan']),\n    \
             ])\n    \
             return Pipeline([('columns', columns), ('model', LogisticRegression(C=0.5, max_iter=500))])\n\
         def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             X, y = df.drop(columns=['churned']), df['churned']\n    \
             a, b, c, d = train_test_split(X, y, test_size=0.2, stratify=y, random_state=3)\n    \
             build().fit(a, c)\n",
        "label column=\"churned\"\n\
         split by=\"stratified\" column=\"churned\" test=0.2 seed=3\n\
         select columns=[\"age\",\"fare\",\"plan\"]\n\
         impute columns=[\"age\",\"fare\"] with=\"median\"\n\
         scale columns=[\"age\",\"fare\"]\n\
         one-hot columns=[\"plan\"]\n\
         model kind=\"logistic-regression\" c=0.5",
    );
}

#[test]
fn what_the_code_does_not_say_stays_open() {
    check(
        "import os\n\
         def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             df['age'] = df['age'].fillna(float(os.environ['AGE']))\n    \
             model = RandomForestClassifier(n_estimators=int(os.environ['TREES']), random_state=1)\n    \
             model.fit(df[['age']], df['label'])\n",
        "impute columns=[\"age\"] with=?\n\
         label column=\"label\"\n\
         model kind=\"random-forest\" n_estimators=? seed=1",
    );
}

#[test]
fn what_is_not_understood_or_goes_elsewhere_is_not_claimed() {
    check(
        "CONFIG = {'scale': 2.5, 'test': 0.3}\n\
         NUMBERS = ['a', 'b']\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             df['x'] = df['x'].rolling(3).mean()\n    \
             df['y'] = df['y'] * CONFIG['scale']\n    \
             for name in NUMBERS:\n        \
                 df[name + '_log'] = np.log1p(df[name])\n    \
             fraud = df[df['class'] == 1]\n    \
             notes = {}\n    \
             notes['rows'] = 10 / 4\n    \
             df['z'].fillna(0, inplace=True)\n    \
             train, test = train_test_split(df, train_size=0.7, shuffle=False)\n    \
             return train\n",
        "derive columns={\"x\":null}\n\
         derive columns={\"y\":\"y * 2.5\",\"a_log\":\"log1p(a)\",\"b_log\":\"log1p(b)\"}\n\
         filter only-fit keep=?\n\
         impute columns=[\"z\"] with=\"constant\" value=0\n\
         split by=\"time\" test=0.3",
    );
}

#[test]
fn arguments_by_position_are_taken_or_left_open() {
    check(
        "from sklearn.linear_model import Ridge\n\
         SETTINGS = {}\n\
         def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             Ridge(0.5).fit(df[['a']], df['y'])\n    \
             RandomForestClassifier(**SETTINGS).fit(df[['a']], df['y'])\n",
        "label column=\"y\"\n\
         model kind=\"ridge\" alpha=0.5\n\
         model kind=\"random-forest\" arguments=?",
    );
}
