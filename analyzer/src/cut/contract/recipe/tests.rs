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

#[test]
fn what_only_a_run_decides_is_one_open_step() {
    check(
        "import os\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             if os.environ.get('MODE') == 'drop':\n        \
                 df = df.dropna(subset=['age'])\n    \
             else:\n        \
                 df['age'] = df['age'].fillna(0)\n    \
             df['age'] = df['age'].fillna(1)\n    \
             return df\n",
        "TODO either=[\"drop-missing age (a.py:14)\",\"impute age (a.py:16)\"]",
    );
    // What both do alike is no question; of three ways all are named.
    check(
        "import os\n\
         def helper(df):\n    \
             return df.drop_duplicates(subset='id')\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             mode = os.environ.get('MODE')\n    \
             if mode == 'a':\n        \
                 df = helper(df)\n        \
                 df['x'] = df['x'] * 2\n    \
             elif mode == 'b':\n        \
                 df = helper(df)\n        \
                 df['x'] = df['x'] * 3\n    \
             else:\n        \
                 df = helper(df)\n        \
                 df = df.drop(columns=['x'])\n    \
             return df\n",
        "drop-duplicates only-fit by=[\"id\"]\n\
         TODO either=[\"derive x (a.py:18)\",\"derive x (a.py:21)\",\"drop x (a.py:24)\"]",
    );
}

#[test]
fn rows_that_are_split_either_way_are_split() {
    check(
        "import os\n\
         def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             if os.environ.get('MODE'):\n        \
                 a, b = train_test_split(df, test_size=0.2, random_state=1)\n    \
             else:\n        \
                 a, b = train_test_split(df, test_size=0.2, shuffle=False)\n    \
             LogisticRegression().fit(a[['x']], a['y'])\n",
        "split by=? test=0.2 seed=? either=[\"split (a.py:14)\",\"split (a.py:16)\"]\n\
         label column=\"y\"\n\
         model kind=\"logistic-regression\"",
    );
}

#[test]
fn what_the_code_decides_is_decided() {
    check(
        "KIND = 'mean'\n\
         CONFIG = {'log': False}\n\
         def helper(df, scale=True, limit=None, how='a'):\n    \
             if not scale:\n        \
                 df['p'] = df['p'] * 2\n    \
             else:\n        \
                 df['q'] = df['q'] * 2\n    \
             if limit is not None:\n        \
                 df['r'] = df['r'] * limit\n    \
             if how == 'b':\n        \
                 df['s'] = df['s'] * 2\n    \
             elif how != 'a':\n        \
                 df['t'] = df['t'] * 2\n    \
             else:\n        \
                 df['u'] = df['u'] * 2\n    \
             return df\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             df = helper(df, limit=3)\n    \
             if KIND == 'median':\n        \
                 df['v'] = df['v'] * 2\n    \
             if CONFIG['log']:\n        \
                 df['w'] = df['w'] * 2\n    \
             return df\n",
        "derive columns={\"q\":\"q * 2\",\"r\":\"r * 3\",\"u\":\"u * 2\"}",
    );
}

#[test]
fn what_may_change_decides_nothing() {
    check(
        "FLAG = False\n\
         CONFIG = {'log': False}\n\
         def set():\n    \
             global FLAG\n    \
             FLAG = True\n    \
             CONFIG['log'] = True\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             first, n = True, 0\n    \
             for name in ['a', 'b']:\n        \
                 n += 1\n        \
                 first = False\n    \
             if not first:\n        \
                 df['p'] = df['p'] * 2\n    \
             if n == 2:\n        \
                 df['q'] = df['q'] * 2\n    \
             if FLAG:\n        \
                 df['r'] = df['r'] * 2\n    \
             if CONFIG['log']:\n        \
                 df['s'] = df['s'] * 2\n    \
             return df\n",
        "derive columns={\"p\":\"p * 2\",\"q\":\"q * 2\",\"r\":\"r * 2\",\"s\":\"s * 2\"}",
    );
}

#[test]
fn a_column_that_is_changed_in_place_is_made_anew() {
    check(
        "NUMBERS = ['a', 'b']\n\
         def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             df['x'] += 1\n    \
             df['x'] /= df['y'] + 2\n    \
             df.loc[df['z'] > 9, 'z'] -= 9\n    \
             for name in NUMBERS:\n        \
                 df[name] *= 0.5\n    \
             df['k'] **= unknown(df)\n    \
             seen = {'rows': 0}\n    \
             seen['rows'] += 1\n    \
             return df\n",
        "derive columns={\"x\":\"x + 1\"}\n\
         derive columns={\"x\":\"x / (y + 2)\",\"z\":\"where(z > 9, z - 9, z)\",\"a\":\"a * 0.5\",\"b\":\"b * 0.5\"}\n\
         derive columns={\"k\":null}",
    );
}

#[test]
fn groups_need_no_agg() {
    check(
        "def totals(conn):\n    \
             calls = pd.read_sql('SELECT id, minutes FROM calls', conn)\n    \
             print(calls.groupby('day')['minutes'].max())\n    \
             return calls.groupby('id')['minutes'].sum().reset_index(name='total')\n\
         def prepare(conn):\n    \
             df = pd.read_sql('SELECT * FROM people', conn)\n    \
             df = df.merge(totals(conn), on='id')\n    \
             by_plan = df.groupby('plan')\n    \
             spread = by_plan[['fee', 'age']].std()\n    \
             counts = df.groupby(['plan', 'city']).count()\n    \
             return df\n",
        "read table=\"people\" columns=?\n\
         read table=\"calls\" columns=[\"id\",\"minutes\"]\n\
         aggregate table=\"calls\" by=[\"id\"] columns={\"total\":[\"minutes\",\"sum\"]}\n\
         join with=\"calls\" on=[\"id\"] how=\"inner\"\n\
         aggregate table=\"people\" by=[\"plan\"] columns={\"fee\":[\"fee\",\"std\"],\"age\":[\"age\",\"std\"]}\n\
         aggregate table=\"people\" by=[\"plan\",\"city\"] columns=?",
    );
    check(
        "def prepare():\n    \
             df = pd.read_csv('raw.csv')\n    \
             means = df.groupby('plan')['fee'].mean()\n    \
             df = df.groupby('id')['fee'].first()\n    \
             return df\n",
        "aggregate table=? by=[\"plan\"] columns={\"fee\":[\"fee\",\"mean\"]}\n\
         aggregate by=[\"id\"] columns={\"fee\":[\"fee\",\"first\"]}",
    );
}

#[test]
fn queries_say_names_and_rules() {
    check(
        "def prepare(conn):\n    \
             df = pd.read_sql(\"SELECT p.id AS person, age FROM people p WHERE plan LIKE 'pro%' AND age NOT IN (1, 2)\", conn)\n    \
             calls = pd.read_sql('SELECT who AS person FROM calls WHERE who = 3', conn)\n    \
             return df.merge(calls, on='person')\n",
        "read table=\"people\" columns=[\"id\",\"age\"]\n\
         filter only-fit keep={\"selected\":\"starts_with(plan, 'pro') and not (age in [1, 2]) and not is_missing(age)\"}\n\
         rename columns={\"id\":\"person\"}\n\
         read table=\"calls\" columns=[\"who\"]\n\
         rename table=\"calls\" columns={\"who\":\"person\"}\n\
         join with=\"calls\" on=[\"person\"] how=\"inner\"",
    );
    for (rules, kept) in [
        ("id = ?", ""),
        ("id = :id AND age > 3", ""),
        ("id = %s", ""),
        ("id = %(who)s", ""),
        (
            "name = 'what?'",
            "\nfilter only-fit keep={\"selected\":\"name == 'what?'\"}",
        ),
        ("age + 1 > 3", "\nfilter only-fit keep=?"),
    ] {
        check(
            &format!(
                "def prepare(conn):\n    \
                     df = pd.read_sql(\"SELECT id, age FROM people WHERE {rules}\", conn)\n    \
                     return df\n"
            ),
            &format!("read table=\"people\" columns=[\"id\",\"age\"]{kept}"),
        );
    }
}

#[test]
fn rows_are_split_once() {
    check(
        "def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             X = df.drop(columns=['y'])\n    \
             a, b = train_test_split(X, test_size=0.2)\n    \
             c, d = train_test_split(df[['x', 'z']], test_size=0.3)\n    \
             e, f = train_test_split(a, test_size=0.5)\n    \
             return e\n",
        "drop columns=[\"y\"]\n\
         split by=\"random\" test=0.2\n\
         split by=\"random\" test=0.5",
    );
}

#[test]
fn what_our_kinds_lack_and_what_others_take_unless_told() {
    check(
        "from sklearn.ensemble import GradientBoostingClassifier\n\
         from xgboost import XGBClassifier\n\
         from lightgbm import LGBMClassifier\n\
         def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             GradientBoostingClassifier(subsample=0.8, max_depth=5).fit(df[['a']], df['y'])\n    \
             XGBClassifier(n_estimators=50, reg_lambda=2.0).fit(df[['a']], df['y'])\n    \
             XGBClassifier(max_depth=3, eta=0.1).fit(df[['a']], df['y'])\n    \
             LGBMClassifier(num_leaves=15).fit(df[['a']], df['y'])\n    \
             RandomForestClassifier(ccp_alpha=0.1).fit(df[['a']], df['y'])\n",
        "label column=\"y\"\n\
         model kind=\"gradient-boosting\" argument=\"subsample = 0.8\" max_depth=5 min_samples_leaf=1 early_stopping=false max_leaf_nodes=32\n\
         model kind=\"gradient-boosting\" max_iter=50 argument=\"reg_lambda = 2.0\" learning_rate=0.3 max_depth=6 min_samples_leaf=1 early_stopping=false max_leaf_nodes=64\n\
         model kind=\"gradient-boosting\" max_depth=3 learning_rate=0.1 min_samples_leaf=1 early_stopping=false l2_regularization=1.0\n\
         model kind=\"gradient-boosting\" max_leaf_nodes=15 early_stopping=false\n\
         model kind=\"random-forest\" argument=\"ccp_alpha = 0.1\"",
    );
}

#[test]
fn none_is_said_where_it_is_not_the_default() {
    check(
        "from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier\n\
         from sklearn.tree import DecisionTreeClassifier\n\
         from xgboost import XGBClassifier\n\
         from lightgbm import LGBMClassifier\n\
         def train():\n    \
             df = pd.read_csv('raw.csv')\n    \
             LogisticRegression(penalty=None).fit(df[['a']], df['y'])\n    \
             LogisticRegression(None, class_weight=None).fit(df[['a']], df['y'])\n    \
             RandomForestClassifier(max_features=None, max_depth=None).fit(df[['a']], df['y'])\n    \
             DecisionTreeClassifier(max_features=None, max_depth=None).fit(df[['a']], df['y'])\n    \
             GradientBoostingClassifier(max_depth=None).fit(df[['a']], df['y'])\n    \
             GradientBoostingClassifier(max_depth=None, max_leaf_nodes=8).fit(df[['a']], df['y'])\n    \
             HistGradientBoostingClassifier(max_leaf_nodes=None, max_depth=None).fit(df[['a']], df['y'])\n    \
             XGBClassifier(max_depth=None).fit(df[['a']], df['y'])\n    \
             XGBClassifier(max_depth=0).fit(df[['a']], df['y'])\n    \
             LGBMClassifier(max_depth=-1).fit(df[['a']], df['y'])\n    \
             LGBMClassifier(max_depth=4).fit(df[['a']], df['y'])\n",
        "label column=\"y\"\n\
         model kind=\"logistic-regression\" penalty=\"none\"\n\
         model kind=\"logistic-regression\" penalty=\"none\"\n\
         model kind=\"random-forest\" max_features=\"all\"\n\
         model kind=\"decision-tree\"\n\
         model kind=\"gradient-boosting\" min_samples_leaf=1 early_stopping=false max_leaf_nodes=?\n\
         model kind=\"gradient-boosting\" max_leaf_nodes=8 min_samples_leaf=1 early_stopping=false\n\
         model kind=\"gradient-boosting\" max_leaf_nodes=?\n\
         model kind=\"gradient-boosting\" learning_rate=0.3 max_depth=6 min_samples_leaf=1 early_stopping=false l2_regularization=1.0 max_leaf_nodes=64\n\
         model kind=\"gradient-boosting\" learning_rate=0.3 min_samples_leaf=1 early_stopping=false l2_regularization=1.0 max_leaf_nodes=?\n\
         model kind=\"gradient-boosting\" early_stopping=false\n\
         model kind=\"gradient-boosting\" max_depth=4 early_stopping=false",
    );
}
