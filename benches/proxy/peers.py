"""The proxies that are measured side by side, one worker each: cutline, the
minimal hyper-util proxy, and Debian's nginx."""

import bench

ROUTES = """
listen = "127.0.0.1:{listen}"
admin = "127.0.0.1:0"
[monolith]
upstream = "http://127.0.0.1:{monolith}"
[stage.inference]
routes = ["/predict"]
candidate = "http://127.0.0.1:{candidate}"
sticky = {{ header = "x-customer-id" }}
side_effects = {{ monolith = "none", candidate = "none" }}
{mode}
{limits}
"""
MODES = {
    "plain": 'mode = "monolith"',
    "split": 'mode = "split"\npercent = 10',
    "mirror": 'mode = "shadow"\npercent = 100\n[stage.inference.compare]\nenabled = false',
    "compare": 'mode = "shadow"\npercent = 100',
}

NGINX = """
worker_processes 1; daemon off; master_process off;
error_log stderr crit; pid {folder}/nginx-{mode}.pid;
events {{ worker_connections {connections}; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 10m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream monolith {{ server 127.0.0.1:{monolith}; keepalive 128; keepalive_requests 100000000; }}
  upstream candidate {{ server 127.0.0.1:{candidate}; keepalive 128; keepalive_requests 100000000; }}
  split_clients "$http_x_customer_id" $side {{ 10% candidate; * monolith; }}
  proxy_http_version 1.1; proxy_set_header Connection "";
  server {{
    listen 127.0.0.1:{listen};
    location / {{ {location} }}
    location = /mirror {{ internal; proxy_pass http://candidate$request_uri; }}
  }}
}}
"""
LOCATIONS = {
    "plain": "proxy_pass http://monolith;",
    "split": "proxy_pass http://$side;",
    "mirror": "mirror /mirror; proxy_pass http://monolith;",
    "compare": "mirror /mirror; proxy_pass http://monolith;",
}


def cutline(stack, mode, ports, connections):
    # Idle connections are kept while they are counted.
    limits = f'[limits]\nconnections = {connections}\nheader_time = "10m"' if connections > 10_000 else ""
    routes = ROUTES.format(mode=MODES[mode], limits=limits, **ports)
    return bench.Cutline(stack, ports["listen"], routes).process


def minimal(stack, mode, ports, _):
    command = [bench.BINARIES / "minimal", "--listen", f"127.0.0.1:{ports['listen']}"]
    command += ["--monolith", f"127.0.0.1:{ports['monolith']}"]
    if mode != "plain":
        command += ["--candidate", f"127.0.0.1:{ports['candidate']}"]
    command += {"plain": [], "split": ["--percent", "10"], "mirror": ["--mirror"], "compare": ["--mirror"]}[mode]
    return stack.start(command, ports["listen"])


def nginx(stack, mode, ports, connections):
    of = {"folder": stack.folder, "mode": mode, "location": LOCATIONS[mode], "connections": connections}
    config = stack.file(f"nginx-{mode}.conf", NGINX.format(**of, **ports))
    return stack.start(["/usr/sbin/nginx", "-c", config], ports["listen"])


PROXIES = {"cutline": cutline, "minimal": minimal, "nginx": nginx}


def start(stack, proxy, mode, upstreams, connections=2_048):
    """Its port and its process."""
    ports = {**upstreams, "listen": bench.port()}
    return ports["listen"], PROXIES[proxy](stack, mode, ports, connections)
