import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/**
 * Fills a cluster: topics of PARTITIONS partitions with a few records in each, and groups with a
 * commit on every one of them. Arguments: bootstrap, groups, topics, partitions. Prints "ready".
 */
public class Groups {
  private static final int RECORDS = 7;

  public static void main(String[] args) throws Exception {
    int groups = Integer.parseInt(args[1]);
    int topics = Integer.parseInt(args[2]);
    int partitions = Integer.parseInt(args[3]);
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", args[0]);
    settings.put("default.api.timeout.ms", 300_000);
    settings.put("request.timeout.ms", 120_000);
    String serializer = "org.apache.kafka.common.serialization.ByteArraySerializer";
    settings.put("key.serializer", serializer);
    settings.put("value.serializer", serializer);
    // A topic this new may lose its leader for a moment: a record twice does no harm.
    settings.put("enable.idempotence", false);
    try (Admin admin = Admin.create(settings)) {
      List<NewTopic> wanted = new ArrayList<>();
      for (int t = 0; t < topics; t++) {
        wanted.add(new NewTopic("topic-" + t, partitions, (short) 1));
      }
      admin.createTopics(wanted).all().get(5, TimeUnit.MINUTES);
      try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
        for (int i = 0; i < topics * partitions * RECORDS; i++) {
          String topic = "topic-" + i % topics;
          producer.send(new ProducerRecord<>(topic, i / topics % partitions, null, new byte[8]));
        }
      }
      List<KafkaFuture<Void>> committed = new ArrayList<>();
      for (int g = 0; g < groups; g++) {
        Map<TopicPartition, OffsetAndMetadata> commits = new HashMap<>();
        for (int i = 0; i < topics * partitions; i++) {
          TopicPartition at = new TopicPartition("topic-" + i % topics, i / topics);
          commits.put(at, new OffsetAndMetadata((g + i) % (RECORDS + 1)));
        }
        committed.add(admin.alterConsumerGroupOffsets("group-" + g, commits).all());
      }
      for (KafkaFuture<Void> one : committed) {
        one.get(5, TimeUnit.MINUTES);
      }
    }
    System.out.println("ready");
    System.in.read();
  }
}
