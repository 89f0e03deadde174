"""One moto for the whole run, with what the tests look for; good and wrong credentials in files of AWS's own form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

REGION, MANY = "eu-central-1", "us-east-1"
MANY_COUNT = 500
ROLE = "arn:aws:iam::123456789012:role/trimtab-look"
_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


@dataclass(frozen=True)
class Aws:
    """Where moto listens, and where the files with credentials are."""

    url: str
    config_file: Path
    credentials_file: Path

    def account(self, name: str = "prod", profile: str = "good", **options: str) -> str:
        """An account as the configuration has it."""
        said = {"profile": profile, "endpoint": self.url, **options}
        return f"{name}=aws {' '.join(f'{key}={value}' for key, value in said.items())}"

    def requests_count(self, region: str, action: str) -> int:
        """How many requests of a kind came for a region."""
        with urlopen(f"{self.url}/gate/counts") as answer:
            counts: dict[str, int] = json.load(answer)
        return counts.get(f"{region} {action}", 0)


@pytest.fixture(scope="session")
def aws_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Three instances, a scaling group, a target group and a database in one region, 500 instances in another."""
    folder = tmp_path_factory.mktemp("aws")
    environment = {**os.environ, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integrations.clouds.moto_process"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        keys = _filled(url)
        credentials, config = folder / "credentials", folder / "config"
        profiles = {"good": keys, "wrong": ("AKIAWRONG", "w"), "throttled": ("THROTTLED", "t"), "once": ("ONCE", "o")}
        credentials.write_text(
            "\n".join(
                f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}"
                for name, (key, secret) in profiles.items()
            )
        )
        config.write_text(f"[profile good]\nregion = {REGION}\n")
        yield Aws(url, config, credentials)
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def aws(aws_server: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """The environment that AWS's chain reads."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(aws_server.config_file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(aws_server.credentials_file))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return aws_server


def _filled(url: str) -> tuple[str, str]:
    """Make everything; the key of a user who may look. From then on moto asks for credentials that it knows."""
    from botocore.session import Session

    session = Session()
    session.set_credentials("setup", "setup")

    def client(service: str, region: str = REGION) -> Any:
        return session.create_client(service, region_name=region, endpoint_url=url)

    _machines(client("ec2"), client("autoscaling"), client("elbv2"))
    _database(client("rds"), client("cloudwatch"))
    many = client("ec2", MANY)
    for _ in range(MANY_COUNT // 20):
        many.run_instances(ImageId="ami-1", MinCount=20, MaxCount=20, InstanceType="t3.micro")
    iam = client("iam")
    iam.create_user(UserName="look")
    iam.put_user_policy(UserName="look", PolicyName="all", PolicyDocument=_POLICY)
    iam.create_role(RoleName="trimtab-look", AssumeRolePolicyDocument=_POLICY)
    iam.put_role_policy(RoleName="trimtab-look", PolicyName="all", PolicyDocument=_POLICY)
    key = iam.create_access_key(UserName="look")["AccessKey"]
    with urlopen(Request(f"{url}/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})):
        pass
    return str(key["AccessKeyId"]), str(key["SecretAccessKey"])


def _machines(ec2: Any, autoscaling: Any, elbv2: Any) -> None:
    names = ("web-1", "web-2", "db-1")
    ids = [
        ec2.run_instances(
            ImageId="ami-1",
            MinCount=1,
            MaxCount=1,
            InstanceType="t3.medium",
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )["Instances"][0]["InstanceId"]
        for name in names
    ]
    ec2.stop_instances(InstanceIds=[ids[2]])
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]][:2]
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    autoscaling.create_launch_configuration(LaunchConfigurationName="web", ImageId="ami-1", InstanceType="t3.medium")
    balancer = elbv2.create_load_balancer(Name="front", Subnets=subnets, Type="application")["LoadBalancers"][0]
    group = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    elbv2.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    elbv2.register_targets(
        TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": one, "Port": 8080} for one in ids[:2]]
    )
    elbv2.create_load_balancer(Name="lonely", Subnets=subnets, Type="network")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        MinSize=1,
        MaxSize=5,
        DesiredCapacity=2,
        VPCZoneIdentifier=",".join(subnets),
    )


def _database(rds: Any, cloudwatch: Any) -> None:
    rds.create_db_parameter_group(
        DBParameterGroupName="big", DBParameterGroupFamily="postgres16", Description="more connections"
    )
    rds.modify_db_parameter_group(
        DBParameterGroupName="big",
        Parameters=[{"ParameterName": "max_connections", "ParameterValue": "200", "ApplyMethod": "pending-reboot"}],
    )
    rds.create_db_instance(
        DBInstanceIdentifier="shop",
        Engine="postgres",
        EngineVersion="16.3",
        DBInstanceClass="db.t3.medium",
        AllocatedStorage=20,
        MasterUsername="shop",
        MasterUserPassword="not-a-secret",
        DBParameterGroupName="big",
    )
    at = datetime.now(UTC)
    values = {"DatabaseConnections": 42.0, "CPUUtilization": 37.5, "FreeStorageSpace": 5e9, "ReadLatency": 0.002}
    cloudwatch.put_metric_data(
        Namespace="AWS/RDS",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": "shop"}],
                "Timestamp": at,
                "Value": value,
            }
            for name, value in values.items()
        ],
    )
